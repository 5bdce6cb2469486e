"""Conformations learned, turned into poses and selected with the real engine, through Scipion's launcher."""

import subprocess
import sys
from pathlib import Path
from unittest import mock

import mrcfile
import numpy as np
from pwem.objects import Particle
from pwem.viewers.viewer_chimera import Chimera
from scipy.stats import spearmanr

from scipion_gmmrefine.constants import HALF_SET, LATENT_ERROR, LATENT_FILE, LATENT_MISFIT, MOTION, MOTION_USED
from scipion_gmmrefine.convert.latents import LEARNED, readLatents
from scipion_gmmrefine.convert.optics import opticsOfSet
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.demo import launch
from scipion_gmmrefine.protocols import (
    GmmRefineProtComposite,
    GmmRefineProtConformationToPose,
    GmmRefineProtHeterogeneity,
    GmmRefineProtImportParticles,
)
from scipion_gmmrefine.protocols.protocol_region import SPHERE
from scipion_gmmrefine.tests.projects import SimulatedProject, launchAtOnce
from scipion_gmmrefine.truth import truePoses
from scipion_gmmrefine.viewers import GmmRefineHeterogeneityViewer
from scipion_gmmrefine.viewers.subsets import registerSubset
from scipion_gmmrefine.viewers.viewer_heterogeneity import PICKED_FOLDER

PARTICLES, BOX, PIXEL_SIZE = 300, 32, 5.25
SWING = "chain A and 1208-1440 about chain A and 1204-1210: 0..60"
RADIUS = 30  # Å, about the size of the domain
SEES_THE_SWING = 0.9  # rank correlation of latent and angle
CHEAP = {"gaussians": "150", "numberOfThreads": 2, "useGpu": False}


class TestHeterogeneityWorkflow(SimulatedProject):
    """One simulated data set for all, with a domain that swings widely, and one chain of runs, scheduled at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        particles = cls.simulated(
            "data",
            "--particles",
            str(PARTICLES),
            "--box",
            str(BOX),
            "--pixel-size",
            str(PIXEL_SIZE),
            "--snr",
            "2",
            "--pose-error",
            "0.5",
            "--shift-error",
            "0.3",
            "--swing",
            SWING,
        )
        cls.data = cls.folder("data")
        z, y, x = np.argwhere(mrcfile.read(cls.data / "mask_domain_1.mrc") > 0.5).mean(axis=0) * PIXEL_SIZE
        cls.importing = cls.proj.newProtocol(GmmRefineProtImportParticles, particlesFile=str(particles))
        cls.learning = cls.proj.newProtocol(
            GmmRefineProtHeterogeneity,
            latentSize=1,
            anchors="8",
            targetResolution=12.0,
            epochs=12,
            trainingRate=0.005,
            trainingBatch=8,
            region=SPHERE,
            focusSphere=f"{x:.1f} {y:.1f} {z:.1f} {RADIUS}",
            **CHEAP,
        )
        cls.learning.inputParticles.set(cls.importing)
        cls.learning.inputParticles.setExtended("outputParticles")
        cls.converting = cls.proj.newProtocol(GmmRefineProtConformationToPose, iterations=1, **CHEAP)
        cls.converting.inputHeterogeneity.set(cls.learning)
        cls.joining = cls.proj.newProtocol(GmmRefineProtComposite, numberOfThreads=2, useGpu=False)
        cls.joining.inputRefinements.append(cls.converting)
        cls.joining.inputRefinements.append(cls.converting)
        launchAtOnce(cls.proj, cls.importing, cls.learning, cls.converting, cls.joining)

    def angles(self):
        """Planted angle (degrees) by image number."""
        body, domain = (truePoses(self.data / name) for name in ("truth.star", "truth_domain_1.star"))
        cosines = {number: (np.trace(body[number][:3, :3].T @ domain[number][:3, :3]) - 1) / 2 for number in body}
        return {number: np.degrees(np.arccos(np.clip(cosine, -1, 1))) for number, cosine in cosines.items()}

    def test_latents_follow_the_planted_angle_in_each_half(self):
        angles = self.angles()
        self.assertGreater(np.ptp(list(angles.values())), 50)
        for half in (1, 2):
            pairs = [(one.getZFlex()[0], angles[one.getIndex()]) for one in self.ofHalf(half).iterItems()]
            self.assertGreater(len(pairs), PARTICLES / 3)
            self.assertGreater(abs(spearmanr(*zip(*pairs))[0]), SEES_THE_SWING, f"half {half}")

    def ofHalf(self, half):
        """The set of a half, in its own space."""
        return getattr(self.learning, f"outputParticlesHalf{half}")

    def test_in_the_common_space_one_scale_of_latents_follows_the_angle(self):
        angles, particles = self.angles(), self.learning.outputParticles
        pairs = [(one.getZFlex()[0], angles[one.getIndex()]) for one in particles.iterItems()]
        self.assertEqual(len(pairs), PARTICLES)
        self.assertGreater(abs(spearmanr(*zip(*pairs))[0]), SEES_THE_SWING)
        misfits = {
            half: [getattr(one, LATENT_MISFIT).get() for one in particles.iterItems() if getattr(one, HALF_SET).get() == half]
            for half in (1, 2)
        }
        self.assertEqual(max(misfits[1]), 0)
        self.assertGreater(min(misfits[2]), 0)
        self.assertEqual(particles.getFlexInfo().getAttr("gmmHalf"), 1)

    def test_every_particle_has_the_row_of_its_image(self):
        table = readTable(self.learning._getExtraPath(LATENT_FILE))
        rows = {
            int(name.split("@")[0]): (float(latent), float(motion), int(half))
            for name, latent, motion, half in zip(
                *(table[name] for name in ("rlnImageName", "gmmLatent1", "gmmMotion", "rlnRandomSubset"))
            )
        }
        for one in (one for number in (1, 2) for one in self.ofHalf(number).iterItems()):
            latent, motion, half = rows[one.getIndex()]
            self.assertEqual(one.getZFlex().tolist(), [latent])
            self.assertEqual((getattr(one, MOTION).get(), getattr(one, HALF_SET).get()), (motion, half))
        self.assertEqual(self.halves(self.learning.outputParticles), self.halves(self.importing.outputParticles))

    def test_summaries_say_what_came_of_it(self):
        self.assertIn("Both halves move alike", self.learning.summary()[0])
        self.assertIn(f"{RADIUS} (x y z radius in Å)", self.learning.summary()[-1])
        verdict = self.converting._results()["verdict"]
        told = " ".join(self.converting.summary()).lower()  # long lines are broken
        self.assertTrue(told.startswith(verdict.lower()), told)
        self.assertEqual(self.converting.warnings(), [])

    def test_conversion_gives_poses_maps_and_curves_of_the_region(self):
        converting = self.converting
        self.assertEqual(self.halves(converting.outputParticles), self.halves(self.importing.outputParticles))
        maps = [mrcfile.read(name) for name in converting.outputVolume.getHalfMaps(asList=True)]
        self.assertGreater(np.corrcoef(maps[0].ravel(), maps[1].ravel())[0, 1], 0.5)
        self.assertEqual(converting.outputMask.getDim(), (BOX,) * 3)
        np.testing.assert_array_equal(
            mrcfile.read(converting.outputMask.getFileName()), mrcfile.read(self.learning._getExtraPath("focus_mask.mrc"))
        )
        self.assertEqual(
            {curve.getObjLabel() for curve in converting.outputFSC},
            {"corrected", "without mask", "with mask", "phases randomised"},
        )

    def test_particles_turn_only_where_their_pose_was_taken(self):
        results, given = (
            self.converting._results(),
            {one.getObjId(): one.getTransform().getMatrix() for one in self.importing.outputParticles.iterItems()},
        )
        used = [getattr(one, MOTION_USED).get() for one in self.converting.outputParticles.iterItems()]
        self.assertEqual(sum(used), results["converted"] if results["iteration"] else 0)
        for one in self.converting.outputParticles.iterItems():
            if results["iteration"] == 0:
                np.testing.assert_allclose(one.getTransform().getMatrix(), given[one.getObjId()], atol=1e-4)

    def test_conversion_is_a_part_of_a_composite(self):
        self.assertIn("Composite of 2 parts", self.joining.summary()[0])

    def test_converted_particles_are_plain_ones_with_all_they_had(self):
        before, after = self.importing.outputParticles, self.converting.outputParticles
        self.assertIs(type(after.getFirstItem()), Particle)
        had, has = ({name for name, _ in one.getFirstItem().getAttributes()} for one in (before, after))
        self.assertEqual(had - has, set())
        self.assertEqual([name for name in has if name in LEARNED or name.startswith(LATENT_ERROR)], [])
        self.assertEqual(opticsOfSet(after), opticsOfSet(before))
        self.assertTrue(after.hasCTF() and after.hasAlignmentProj())

    def test_picked_conformations_are_maps_that_differ(self):
        commands = subprocess.run([sys.executable, "-m", "gmmrefine", "--help"], check=True, capture_output=True, text=True)
        if "conformations" not in commands.stdout:
            self.skipTest("this engine has no command conformations")
        viewer = GmmRefineHeterogeneityViewer(project=self.proj, protocol=self.learning)
        viewer.setProtocol(self.learning)
        low, high = (np.percentile(readLatents(self.learning._getExtraPath()).ofHalf(2).latent, end) for end in (5, 95))
        folder = Path(self.learning._getExtraPath(PICKED_FOLDER))
        with mock.patch.object(Chimera, "getProgram", return_value=""):
            (window,) = viewer._conformations(2, [np.array([low]), np.array([high])])
            maps = [mrcfile.read(folder / "half_2" / f"frame_{number:02d}.mrc") for number in (1, 5, 9)]
            self.assertEqual(len(window.getFigure().axes), 9)
            (window,) = viewer._conformations(2, [np.array([high])])
        self.assertEqual(len(window.getFigure().axes), 6)
        self.assertEqual([path.name for path in sorted(folder.glob("half_*/*.mrc"))], ["frame_01.mrc"])
        np.testing.assert_allclose(mrcfile.read(folder / "half_2" / "frame_01.mrc"), maps[2], atol=1e-3 * maps[2].max())
        self.assertEqual(maps[0].shape, (BOX,) * 3)
        likeness = [np.corrcoef(maps[0].ravel(), other.ravel())[0, 1] for other in maps[1:]]
        self.assertTrue(1 > likeness[0] > likeness[1], likeness)

    def test_subset_is_a_set_of_the_project_and_a_star_file(self):
        latents = readLatents(self.learning._getExtraPath())
        chosen = sorted(latents.ids[latents.motion > np.median(latents.motion)].tolist())
        subset, path = registerSubset(self.learning, chosen)
        particles = subset.outputParticlesFlex
        self.assertEqual([one.getObjId() for one in particles], chosen)
        self.assertTrue(particles.hasCTF() and particles.hasAlignmentProj())
        every = {one.getObjId(): one.getZFlex()[0] for one in self.learning.outputParticles.iterItems()}
        self.assertEqual([one.getZFlex()[0] for one in particles], [every[objId] for objId in chosen])
        table = readTable(path, "particles")
        self.assertEqual(list(map(int, table["scipionObjId"])), chosen)
        self.assertEqual(set(table["rlnRandomSubset"]), {"1", "2"})
        again = launch(self.proj, GmmRefineProtImportParticles, particlesFile=str(Path(path).absolute()))
        self.assertEqual(again.outputParticles.getSize(), len(chosen))
