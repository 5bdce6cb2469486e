"""Focus, patches, symmetry and composites with the real engine, through Scipion's launcher."""

from pathlib import Path

import mrcfile
import numpy as np
from pyworkflow.protocol import MODE_RESUME

from gmmrefine import settings
from scipion_gmmrefine.constants import HALF_SET, HALF_SETS_FILE, PARENT_PARTICLE, SYMMETRY_COPY
from scipion_gmmrefine.demo import launch
from scipion_gmmrefine.protocols import (
    GmmRefineProtComposite,
    GmmRefineProtExpandSymmetry,
    GmmRefineProtImposeSymmetry,
    GmmRefineProtPatches,
)
from scipion_gmmrefine.tests.projects import BOX, CHEAP, PARTICLES, PIXEL_SIZE, FocusedProject


class TestFocusWorkflow(FocusedProject):
    """One simulated data set for all."""

    def test_focused_refinement_gives_the_region_as_a_mask(self):
        mask = mrcfile.read(self.focusing.outputMask.getFileName())
        z, _, _ = np.nonzero(mask > 0.5)
        self.assertAlmostEqual(z.mean() * PIXEL_SIZE, BOX * PIXEL_SIZE / 2 + 35, delta=0.5)
        radius = 25 + 5 * PIXEL_SIZE / 2  # the soft edge of 5 px lies outside the sphere
        self.assertAlmostEqual((mask > 0.5).sum() * PIXEL_SIZE**3 / (4 / 3 * np.pi * radius**3), 1, delta=0.05)
        self.assertEqual(self.halves(self.focusing.outputParticles), self.halves(self.importing.outputParticles))
        self.assertIn("sphere 104.0 84.0 119.0 25", self.focusing.summary()[-1])
        self.assertIn("in one region", self.focusing.methods()[0])

    def test_composite_of_a_part_with_itself_is_the_part(self):
        protocol = self.proj.newProtocol(GmmRefineProtComposite, numberOfThreads=2, useGpu=False)
        protocol.inputRefinements.append(self.focusing)
        protocol.inputRefinements.append(self.focusing)
        self.proj.launchProtocol(protocol, wait=True)
        self.assertTrue(protocol.isFinished(), protocol.getErrorMessage())
        for composite, part in zip(
            protocol.outputVolume.getHalfMaps(asList=True), self.focusing.outputVolume.getHalfMaps(asList=True)
        ):
            np.testing.assert_allclose(mrcfile.read(composite), mrcfile.read(part), atol=1e-5)
        self.assertIn("Composite of 2 parts", protocol.summary()[0])
        self.assertIn("0 map units", protocol.summary()[1])
        self.assertTrue(Path(protocol._getExtraPath(HALF_SETS_FILE)).exists(), "the half sets of the parts were not found")

    def test_symmetry_expansion_and_its_way_back(self):
        dimer = self.importSimulated(
            "dimer", "--particles", str(PARTICLES), "--box", "40", "--pixel-size", "7", "--symmetry", "C2", *self.ERRORS
        )
        expanding = launch(
            self.proj, GmmRefineProtExpandSymmetry, {"inputParticles": (dimer, "outputParticles")}, symmetry="C2", useGpu=False
        )
        source, copies = dimer.outputParticles, expanding.outputParticles
        self.assertEqual(copies.getSize(), 2 * PARTICLES)
        halves, parents = self.halves(source), {(one.getIndex(), one.getFileName()): one.clone() for one in source.iterItems()}
        halfTurn = np.diag([-1.0, -1, 1])
        for copy in copies.iterItems():
            parent, number = parents[copy.getIndex(), copy.getFileName()], getattr(copy, SYMMETRY_COPY).get()
            self.assertRegex(getattr(copy, PARENT_PARTICLE).get(), rf"^0*{copy.getIndex()}@/.*mrcs$")
            self.assertEqual(getattr(copy, HALF_SET).get(), halves[parent.getObjId()])
            turned = np.linalg.inv(copy.getTransform().getMatrix())[:3, :3]
            expected = np.linalg.inv(parent.getTransform().getMatrix())[:3, :3] @ (np.eye(3) if number == 1 else halfTurn)
            np.testing.assert_allclose(turned, expected, atol=1e-5)
        self.assertIn(f"{2 * PARTICLES} images of {PARTICLES} particles, C2", expanding.summary()[0])
        self.assertRegex(expanding.summary()[1], r"correlates with itself to (9\d|10\d)% of what its half maps allow")
        again = self.proj.newProtocol(GmmRefineProtExpandSymmetry, symmetry="C2")
        again.inputParticles.set(copies)
        self.assertIn("symmetry copies", again.validate()[0])
        imposing = launch(
            self.proj,
            GmmRefineProtImposeSymmetry,
            {"inputVolume": (self.focusing, "outputVolume"), "inputMask": (self.focusing, "outputMask")},
            symmetry="C2",
        )
        imposed = mrcfile.read(imposing.outputVolume.getHalfMaps(asList=True)[0])[1:, 1:, 1:]
        np.testing.assert_allclose(imposed, imposed[:, ::-1, ::-1], atol=1e-5)
        self.assertIn("C2, resolution", imposing.summary()[0])
        self.assertIn("was not measured", imposing.summary()[1])  # the mask holds one unit

    def test_patches_together_give_composite_maps_masks_and_particles(self):
        protocol = launch(
            self.proj, GmmRefineProtPatches, self.particles, patches="2", patchIterations=1, binThreads=2, **CHEAP
        )
        self.assertEqual(protocol.getNumberOfPatches(), 2)
        self.assertEqual([volume.getObjLabel() for volume in protocol.outputVolumes], ["patch 1", "patch 2"])
        self.assertTrue(all(volume.hasHalfMaps() for volume in protocol.outputVolumes))
        self.assertEqual(
            {curve.getObjLabel() for curve in protocol.outputFSC} - {"global", "patch 1", "patch 2"},
            {"corrected", "without mask", "with mask", "phases randomised"},
        )
        self.assertEqual([protocol.outputMasks.getSize(), protocol.outputVolume.getXDim()], [2, BOX])
        self.assertGreater(protocol.outputGmm.getNumberOfGaussians(), 50)
        for particles in (protocol.outputParticles1, protocol.outputParticles2):
            self.assertEqual(self.halves(particles), self.halves(self.importing.outputParticles))
        first, second = protocol.outputParticles1.getFirstItem(), protocol.outputParticles2.getFirstItem()
        self.assertFalse(np.allclose(first.getTransform().getMatrix(), second.getTransform().getMatrix()))
        self.assertIn("Seams: maps that are joined differ by up to", protocol.summary()[3])
        self.assertRegex(protocol.summary()[1], r"Patch 1: [\d.]+ Å → [\d.]+ Å; particles turned [\d.]+°")
        self.joinWithAFocus(protocol)
        self.joinByOtherWeights(protocol)

    def joinWithAFocus(self, patches):
        """The paper's merge: a region that was refined by itself, and the patches of the rest."""
        protocol = self.proj.newProtocol(GmmRefineProtComposite, numberOfThreads=2, useGpu=False)
        for part in (self.focusing, patches):
            protocol.inputRefinements.append(part)
        self.proj.launchProtocol(protocol, wait=True)
        self.assertTrue(protocol.isFinished(), protocol.getErrorMessage())
        self.assertIn("Composite of 3 parts", protocol.summary()[0])
        joined = mrcfile.read(protocol.outputVolume.getHalfMaps(asList=True)[0])
        masks = [
            mrcfile.read(name)
            for name in (self.focusing.outputMask.getFileName(), *(mask.getFileName() for mask in patches.outputMasks))
        ]
        halves = [
            mrcfile.read(volume.getHalfMaps(asList=True)[0])
            for volume in (self.focusing.outputVolume, *(one.clone() for one in patches.outputVolumes))
        ]
        covered = np.sum(masks, axis=0) >= 1
        expected = np.sum([mask * half for mask, half in zip(masks, halves)], axis=0)[covered] / np.sum(masks, axis=0)[covered]
        np.testing.assert_allclose(joined[covered], expected, atol=1e-5)

    def joinByOtherWeights(self, patches):
        """Continue with other weights: nothing is refined again, and what is made of the composite is made anew."""
        refined = Path(patches._getExtraPath("patches", "01", "iterations", "01", "half_map_1.mrc"))
        before, model = refined.stat().st_mtime, Path(patches.outputGmm.getFileName()).read_text()
        patches.compositeWeights.set(settings.COMPOSITE_WEIGHTS.choices.index("snr"))
        patches.runMode.set(MODE_RESUME)
        self.proj.launchProtocol(patches, wait=True)
        self.assertTrue(patches.isFinished(), patches.getErrorMessage())
        self.assertNotEqual(Path(patches._getExtraPath("model", "gmm.star")).read_text(), model)
        self.assertTrue(Path(patches._getExtraPath("weights", "01.mrc")).exists())
        self.assertEqual(refined.stat().st_mtime, before)
