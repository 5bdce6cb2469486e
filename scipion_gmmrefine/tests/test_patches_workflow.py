"""Patches and their composites with the real engine, through Scipion's launcher."""
import re
from pathlib import Path

import mrcfile
import numpy as np
from pyworkflow.protocol import MODE_RESUME

from gmmrefine import settings
from scipion_gmmrefine.demo import launch
from scipion_gmmrefine.protocols import GmmRefineProtComposite, GmmRefineProtPatches
from scipion_gmmrefine.tests.projects import BOX, CHEAP, FocusedProject

APART = settings.PATCH_MODE.choices.index("apart")


class TestPatchesWorkflow(FocusedProject):
    """One simulated data set for all."""

    def test_patches_apart_are_steps_on_the_gpus_that_continue_one_by_one(self):
        protocol = launch(self.proj, GmmRefineProtPatches, self.particles, patches="2", patchMode=APART, patchIterations=1,
                          numberOfThreads=3, binThreads=1, **{**CHEAP, "useGpu": True, "gpuList": "0 1"})
        log = Path(protocol.getStdoutLog()).read_text()
        taken = {number: re.search(rf"CUDA_VISIBLE_DEVICES=(\d) .*--only {number} ", log).group(1) for number in (1, 2)}
        self.assertEqual(set(taken.values()), {"0", "1"})
        kept, lost = (Path(protocol._getExtraPath("patches", number)) / "half_map_1.mrc" for number in ("01", "02"))
        written = kept.stat().st_mtime
        self.repeatSecondPatch(protocol, lost)
        self.assertTrue(protocol.isFinished())
        self.assertTrue(lost.exists())
        self.assertEqual(kept.stat().st_mtime, written)

    def repeatSecondPatch(self, protocol, lost):
        """Continue a run whose second patch is said to have failed."""
        lost.unlink()
        steps = protocol.loadSteps()
        [step for step in steps if step.funcName == "patchStep"][1].setFailed("planted")
        protocol._steps = steps
        protocol._storeSteps()
        protocol.setFailed("planted")
        self.proj.saveProtocol(protocol)
        protocol.runMode.set(MODE_RESUME)
        self.proj.launchProtocol(protocol, wait=True)

    def test_patches_together_give_composite_maps_masks_and_particles(self):
        protocol = launch(self.proj, GmmRefineProtPatches, self.particles, patches="2", patchIterations=1, binThreads=2,
                          **CHEAP)
        self.assertEqual(protocol.getNumberOfPatches(), 2)
        self.assertEqual([volume.getObjLabel() for volume in protocol.outputVolumes], ["patch 1", "patch 2"])
        self.assertTrue(all(volume.hasHalfMaps() for volume in protocol.outputVolumes))
        self.assertEqual({curve.getObjLabel() for curve in protocol.outputFSC} - {"global", "patch 1", "patch 2"},
                         {"corrected", "without mask", "with mask", "phases randomised"})
        self.assertEqual([protocol.outputMasks.getSize(), protocol.outputVolume.getXDim()], [2, BOX])
        self.assertGreater(protocol.outputGmm.getNumberOfGaussians(), 50)
        for particles in (protocol.outputParticles1, protocol.outputParticles2):
            self.assertEqual(self.halves(particles), self.halves(self.importing.outputParticles))
        first, second = protocol.outputParticles1.getFirstItem(), protocol.outputParticles2.getFirstItem()
        self.assertFalse(np.allclose(first.getTransform().getMatrix(), second.getTransform().getMatrix()))
        self.assertEqual(len(protocol.summary()), 3)
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
        masks = [mrcfile.read(name) for name in (
            self.focusing.outputMask.getFileName(), *(mask.getFileName() for mask in patches.outputMasks))]
        halves = [mrcfile.read(volume.getHalfMaps(asList=True)[0])
                  for volume in (self.focusing.outputVolume, *(one.clone() for one in patches.outputVolumes))]
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
