"""The protocols with the real engine, through Scipion's launcher."""

import os
import unittest
from pathlib import Path

import mrcfile
import numpy as np
from pyworkflow.protocol import MODE_RESUME
from pyworkflow.tests import BaseTest, setupTestProject

from scipion_gmmrefine.constants import HALF_SET, MAP_FILE, OPTICS_GROUP, ROTATION_CHANGE
from scipion_gmmrefine.demo import launch
from scipion_gmmrefine.objects import GmmFSC
from scipion_gmmrefine.protocols import (
    GmmRefineProtBuild,
    GmmRefineProtControls,
    GmmRefineProtImportParticles,
    GmmRefineProtRefine,
)
from scipion_gmmrefine.tests.projects import CHEAP, SimulatedProject
from scipion_gmmrefine.tests.sets import writeStack
from scipion_gmmrefine.truth import poseErrors, posesOfSet, rms, truePoses

PARTICLES, BOX, PIXEL_SIZE = 240, 40, 4.2
ROTATION_ERROR, SHIFT_ERROR = 4, 3
TEST_DATA = Path(os.environ.get("GMMREFINE_TEST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")).resolve()


class TestWorkflow(SimulatedProject):
    """Import, refine, build: one simulated data set for all."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.importing = cls.importSimulated(
            "data",
            "--particles",
            str(PARTICLES),
            "--box",
            str(BOX),
            "--pixel-size",
            str(PIXEL_SIZE),
            "--snr",
            "0.5",
            "--pose-error",
            str(ROTATION_ERROR),
            "--shift-error",
            str(SHIFT_ERROR),
        )
        cls.refining = launch(
            cls.proj,
            GmmRefineProtRefine,
            {"inputParticles": (cls.importing, "outputParticles")},
            iterations=1,
            gaussians="300",
            numberOfThreads=2,
        )

    def errors(self, protocol):
        """Rms errors of a protocol's particles: degrees, Å."""
        return [
            rms(values)
            for values in poseErrors(posesOfSet(protocol.outputParticles), truePoses(self.folder("data") / "truth.star"))
        ]

    def test_import(self):
        particles = self.importing.outputParticles
        self.assertEqual((particles.getSize(), particles.getXDim()), (PARTICLES, BOX))
        self.assertAlmostEqual(particles.getSamplingRate(), PIXEL_SIZE, places=5)
        halves = [getattr(particle, HALF_SET).get() for particle in particles.iterItems()]
        self.assertEqual((halves.count(1), halves.count(2)), (PARTICLES // 2, PARTICLES // 2))
        self.assertEqual(getattr(particles.getFirstItem(), OPTICS_GROUP).get(), 1)
        rotations, shifts = self.errors(self.importing)
        self.assertAlmostEqual(rotations, ROTATION_ERROR, delta=0.4)
        self.assertAlmostEqual(shifts, SHIFT_ERROR, delta=0.3)

    def test_refinement_improves_poses_and_keeps_ids_and_halves(self):
        before, after = self.importing.outputParticles, self.refining.outputParticles
        rotations, shifts = self.errors(self.refining)
        self.assertLess(rotations, 0.75 * ROTATION_ERROR)
        self.assertLess(shifts, 0.75 * SHIFT_ERROR)
        self.assertEqual(after.getIdSet(), before.getIdSet())
        for old, new in zip(before.iterItems(), after.iterItems()):
            self.assertEqual(
                (old.getObjId(), old.getIndex(), getattr(old, HALF_SET).get()),
                (new.getObjId(), new.getIndex(), getattr(new, HALF_SET).get()),
            )
        changes = [getattr(particle, ROTATION_CHANGE).get() for particle in after.iterItems()]
        self.assertTrue(0.5 < np.mean(changes) < 10)

    def test_errors_of_poses_are_attributes(self):
        first = self.refining.outputParticles.getFirstItem()
        variances = [getattr(first, f"_gmmCovariance{number}").get() for number in (1, 6, 10)]
        self.assertAlmostEqual(sum(variances), first._gmmRotationError.get() ** 2, delta=1e-3 * sum(variances))
        self.assertEqual(first._gmmRanAway.get(), 0)

    def test_controls(self):
        controlling = launch(
            self.proj, GmmRefineProtControls, {"inputRefinement": (self.refining, None)}, controls="noise", numberOfThreads=2
        )
        summary = controlling.summary()
        self.assertEqual(summary[0], "All controls passed.")
        self.assertIn("images of noise with the same poses and CTF: passes; none → none", " ".join(summary))
        self.assertIn("The refinement gained", controlling.methods()[0])
        self.assertEqual(
            self.proj.newProtocol(GmmRefineProtControls, controls="noise luck")._validate()[0].split("\n")[1], "Correct it."
        )

    def test_maps_fsc_and_models(self):
        refining = self.refining
        self.assertEqual(refining.outputVolume.getDim(), (BOX,) * 3)
        self.assertAlmostEqual(refining.outputVolume.getSamplingRate(), PIXEL_SIZE, places=5)
        halves = refining.outputVolume.getHalfMaps(asList=True)
        maps = [mrcfile.read(name) for name in halves]
        self.assertGreater(np.corrcoef(maps[0].ravel(), maps[1].ravel())[0, 1], 0.5)
        self.assertFalse(np.array_equal(*maps))
        resolution = refining._results()["resolution"]
        self.assertTrue(2 * PIXEL_SIZE <= resolution < 20, resolution)
        curves = {curve.getObjLabel(): curve.clone() for curve in refining.outputFSC}
        self.assertEqual(set(curves), {"corrected", "without mask", "with mask", "phases randomised"})
        self.assertIsInstance(curves["corrected"], GmmFSC)
        self.assertAlmostEqual(float(curves["corrected"].calculateResolution()), resolution, delta=0.02)
        for model in (refining.outputGmm1, refining.outputGmm2):
            self.assertTrue(150 <= model.getNumberOfGaussians() <= 300)
        self.assertIn(f"Resolution: {resolution:.2f} Å", refining.summary()[0])
        self.assertIn(f"{PARTICLES} particles", refining.methods()[0])

    def test_build(self):
        building = launch(
            self.proj, GmmRefineProtBuild, {"inputVolume": (self.refining, "outputVolume")}, gaussians="200", numberOfThreads=2
        )
        self.assertTrue(100 <= building.outputGmm.getNumberOfGaussians() <= 200)
        self.assertGreater(building._meanFsc(), 0.8)
        self.assertEqual(building.outputGmm.getMapFileName(), self.refining._getExtraPath(MAP_FILE))

    def test_continue_runs_only_what_is_missing_and_refuses_other_settings(self):
        protocol = launch(
            self.proj,
            GmmRefineProtRefine,
            {"inputParticles": (self.importing, "outputParticles")},
            iterations=1,
            numberOfThreads=2,
            **CHEAP,
        )
        firstMap = Path(protocol._getExtraPath()) / "iterations" / "01" / "half_map_1.mrc"
        written = firstMap.stat().st_mtime
        protocol.iterations.set(2)
        protocol.runMode.set(MODE_RESUME)
        self.proj.launchProtocol(protocol, wait=True)
        self.assertTrue(protocol.isFinished())
        self.assertEqual([Path(folder).name for folder in protocol.getIterationFolders()], ["00", "01", "02"])
        self.assertEqual(firstMap.stat().st_mtime, written)
        protocol.initialResolution.set(12.0)
        self.proj.launchProtocol(protocol, wait=True)
        self.assertTrue(protocol.isFailed())
        self.assertRegex(protocol.getErrorMessage(), "was none, now 12.0.*execute this protocol with Res")

    def test_engines_error_becomes_the_protocols(self):
        broken = self.folder("data") / "broken.star"
        broken.write_text("nothing")
        with self.assertRaisesRegex(SystemExit, "broken.star is not a STAR file"):
            launch(self.proj, GmmRefineProtImportParticles, particlesFile=str(broken))


@unittest.skipUnless(TEST_DATA.is_dir(), "the shared test data is not here (GMMREFINE_TEST_DATA)")
class TestImportRealFiles(BaseTest):
    @classmethod
    def setUpClass(cls):
        setupTestProject(cls)

    def load(self, name):
        return launch(self.proj, GmmRefineProtImportParticles, particlesFile=str(TEST_DATA / "metadata" / name))

    def test_relion(self):
        particles = self.load("relion31.star").outputParticles
        self.assertEqual((particles.getSize(), particles.getXDim()), (5, 256))
        self.assertAlmostEqual(particles.getSamplingRate(), 2.806, places=3)

    def test_cryosparc_poses_and_halves(self):
        name = "cryosparc_P12_J24_001_particles.cs"
        folder = Path(self.proj.getPath("cryosparc")).absolute()
        folder.mkdir()
        (folder / name).symlink_to(TEST_DATA / "metadata" / name)
        table = np.load(folder / name)
        stack = writeStack(folder / "one.mrcs", 1, box=180)
        for path in np.unique(table["blob/path"]):
            link = folder / path.decode().lstrip(">")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(stack)
        particles = launch(self.proj, GmmRefineProtImportParticles, particlesFile=str(folder / name)).outputParticles
        expected = np.load(TEST_DATA / "metadata" / "cryosparc_P12_J24_expected_poses.npz")
        inverse = np.array([np.linalg.inv(one.getTransform().getMatrix()) for one in particles.iterItems()])
        np.testing.assert_allclose(inverse[:, :3, :3], expected["rotations"], atol=1e-5)
        np.testing.assert_allclose(-inverse[:, :2, 3], expected["translations_fraction_of_box"] * 180, atol=1e-3)
        halves = [getattr(one, HALF_SET).get() for one in particles.iterItems()]
        self.assertEqual(halves, list(table["alignments3D/split"] + 1))
        self.assertEqual([one.getIndex() for one in particles.iterItems()], list(table["blob/idx"] + 1))

    def test_missing_images_are_named(self):
        with self.assertRaisesRegex(SystemExit, r"image stacks.*particles\.mrc.*Copy or link the stacks"):
            self.load("cryosparc_P12_J24_001_particles.cs")

    def test_different_pixel_sizes_are_refused(self):
        with self.assertRaisesRegex(SystemExit, r"2 pixel sizes \(1\.24, 1\.25 Å\), but a Scipion set has one"):
            self.load("relion31.6opticsgroups.star")

    def test_2d_alignments_are_refused(self):
        with self.assertRaisesRegex(SystemExit, "(?i)2D|3D"):
            self.load("cryosparc_J2_particles_exported.cs")
