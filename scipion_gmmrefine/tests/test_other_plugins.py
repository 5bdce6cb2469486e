"""The converters of other plugins on our sets, and ours on theirs; skipped where these plugins are not installed.

Their Python is enough: pip install --no-deps scipion-em-relion scipion-em-cryosparc2 emtools xmltodict. scipion-em-cryodrgn
writes its particles by the converter of scipion-em-relion.
"""

import importlib.util
import os
import tempfile
import unittest
from pathlib import Path

import numpy as np
from pwem.constants import ALIGN_PROJ
from pwem.objects import SetOfParticles

from scipion_gmmrefine.convert.half_sets import sayHalfSets
from scipion_gmmrefine.convert.optics import unknownGroups
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.convert.star_reader import fillSet
from scipion_gmmrefine.convert.star_writer import writeParticles
from scipion_gmmrefine.tests.sets import PIXEL_SIZE, TWO_GROUPS, makeParticles

ONE_RAW = TWO_GROUPS.replace("#7\n", "#7\n_rlnCtfDataArePhaseFlipped #8\n").replace("0.2]", "0.2] 1").replace("0.4]", "0.4] 0")
NUMBERS = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")
ORIGINS = ("rlnOriginXAngst", "rlnOriginYAngst")


def missing(*plugins):
    """Skip where one of the plugins is not installed."""
    absent = [name for name in plugins if importlib.util.find_spec(name) is None]
    return unittest.skipIf(absent, f"{', '.join(absent)} of other plugins not installed")


class MixedTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        writeParticles(makeParticles(self.folder, opticsInfo=ONE_RAW), "given.star", "stacks")
        os.makedirs("links")
        self.ours = SetOfParticles(filename="ours.sqlite")
        fillSet(self.ours, "given.star", "links")
        sayHalfSets(self.ours)
        self.ours.write()
        self.given = readTable("given.star", "particles")

    def assertSame(self, table, names, factor=1.0):
        for name in names:
            np.testing.assert_allclose(np.array(table[name], float) * factor, np.array(self.given[name], float), atol=1e-4)

    def assertSameGroups(self, fileName, table):
        self.assertEqual(table["rlnOpticsGroup"], self.given["rlnOpticsGroup"])
        self.assertEqual(table["rlnRandomSubset"], self.given["rlnRandomSubset"])
        self.assertEqual(list(map(float, readTable(fileName, "optics")["rlnCtfDataArePhaseFlipped"])), [1, 0])


@missing("relion", "emtools")
class TestRelion(MixedTest):
    def write(self):
        from relion.convert import writeSetOfParticles

        writeSetOfParticles(self.ours, "relion.star", outputDir=str(self.folder))
        return readTable("relion.star", "particles")

    def test_what_relion_is_given(self):
        table = self.write()
        self.assertSame(table, NUMBERS + ORIGINS)
        self.assertSameGroups("relion.star", table)

    def read(self, *labels):
        from relion.convert import readSetOfParticles

        self.write()
        particles = SetOfParticles(filename=f"read_{len(labels)}.sqlite")
        readSetOfParticles("relion.star", particles, alignType=ALIGN_PROJ, pixelSize=PIXEL_SIZE, extraLabels=list(labels))
        particles.setHasCTF(True)
        return particles

    def test_what_its_reader_makes_is_written_again(self):
        particles = self.read("rlnOpticsGroup", "rlnRandomSubset")
        writeParticles(particles, "again.star", "more_stacks")
        table = readTable("again.star", "particles")
        self.assertSame(table, NUMBERS + ORIGINS)
        self.assertSameGroups("again.star", table)

    def test_groups_that_its_reader_forgets_are_noticed(self):
        particles = self.read("rlnRandomSubset")
        self.assertEqual(unknownGroups(particles), 2)


@missing("cryosparc2", "relion", "emtools")
class TestCryosparc(MixedTest):
    def test_half_sets_are_not_drawn_anew(self):
        from cryosparc2.convert.convert import writeSetOfParticles

        writeSetOfParticles(self.ours, "cryosparc.star", str(self.folder))
        table = readTable("cryosparc.star", "particles")
        self.assertEqual(table["rlnRandomSubset"], self.given["rlnRandomSubset"])
        self.assertSame(table, NUMBERS)
        for name in ORIGINS:
            self.assertSame({name: table[name[: -len("Angst")]]}, [name], PIXEL_SIZE)
