"""Sets that say that their particles carry half sets, for converters that ask the set."""

import tempfile
from pathlib import Path

from pwem.objects import SetOfParticles
from pyworkflow.project import Project
from pyworkflow.tests import BaseTest, setupTestProject

from scipion_gmmrefine.constants import HALF_SET
from scipion_gmmrefine.convert.half_sets import sayHalfSets
from scipion_gmmrefine.protocols import GmmRefineProtImportParticles
from scipion_gmmrefine.tests.sets import makeParticles


class TestHalfSets(BaseTest):
    @classmethod
    def setUpClass(cls):
        setupTestProject(cls)

    def test_a_set_says_it_also_when_its_project_is_loaded_again(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        particles = makeParticles(Path(folder.name))
        self.assertIsNone(particles.getAttributeValue(HALF_SET))
        sayHalfSets(particles)
        particles.write()
        self.assertIsNotNone(particles.getAttributeValue(HALF_SET))
        run = self.proj.newProtocol(GmmRefineProtImportParticles)
        self.proj.saveProtocol(run)
        run._defineOutputs(outputParticles=particles)
        self.proj.mapper.store(run)
        self.proj.mapper.commit()
        again = Project(self.proj.getDomain(), self.proj.path)
        again.load()
        found = again.getObject(run.getObjId()).outputParticles
        self.assertIsInstance(found, SetOfParticles)
        self.assertIsNotNone(found.getAttributeValue(HALF_SET))
        self.assertEqual([getattr(one, HALF_SET).get() for one in found.iterItems()], [1, 2] * 4)

    def test_a_set_without_half_sets_says_nothing(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        particles = makeParticles(Path(folder.name), halves=())
        sayHalfSets(particles)
        self.assertIsNone(particles.getAttributeValue(HALF_SET))
