"""Patches that are steps of their own, with the real engine, through Scipion's launcher."""

import re
from pathlib import Path

from pyworkflow.protocol import MODE_RESUME

from gmmrefine import settings
from scipion_gmmrefine.demo import launch
from scipion_gmmrefine.protocols import GmmRefineProtPatches
from scipion_gmmrefine.tests.projects import CHEAP, SmallProject

APART = settings.PATCH_MODE.choices.index("apart")


class TestPatchesWorkflow(SmallProject):
    """One simulated data set for all."""

    def test_patches_apart_are_steps_on_the_gpus_that_continue_one_by_one(self):
        protocol = launch(
            self.proj,
            GmmRefineProtPatches,
            self.particles,
            patches="2",
            patchMode=APART,
            patchIterations=1,
            numberOfThreads=3,
            binThreads=1,
            **{**CHEAP, "useGpu": True, "gpuList": "0 1"},
        )
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
