"""Files like those that the engine writes, for the tests of viewers and summaries."""
import json

import mrcfile
import numpy as np

from scipion_gmmrefine.constants import (
    FSC_FILE,
    GMM_FSC_FILE,
    HALF_GMM_FILES,
    HALF_MAP_FILES,
    MAP_FILE,
    MASK_FILE,
    PARTICLES_FILE,
)
from scipion_gmmrefine.convert.star import writeTables
from scipion_gmmrefine.tests.sets import BOX, PIXEL_SIZE, writeVolume

FREQUENCY = np.arange(BOX // 2 + 1) / (BOX * PIXEL_SIZE)
GAUSSIANS = 20
CUTOFFS = (0.08, 0.11, 0.125)  # of the start poses and two iterations


def fscCurve(cutoff):
    """A falling curve, 0.5 at a frequency in 1/Å."""
    return 1 / (1 + np.exp((FREQUENCY - cutoff) / 0.01))


def writeFsc(fileName, cutoff):
    """The table of a falling curve."""
    curve = fscCurve(cutoff)
    writeTables(fileName, {"fsc": {
        "gmmFrequency": FREQUENCY, "gmmFsc": curve, "gmmFscUnmasked": 0.9 * curve, "gmmFscMasked": curve,
        "gmmFscRandomised": 0.1 * curve}})


def writeGmm(fileName, seed=0):
    """A model in a ball."""
    random = np.random.default_rng(seed)
    centers = random.normal(0, 6, (GAUSSIANS, 3))
    writeTables(fileName, {"gmm": {
        "gmmX": centers[:, 0], "gmmY": centers[:, 1], "gmmZ": centers[:, 2],
        "gmmAmplitude": random.uniform(0.5, 2, GAUSSIANS), "gmmWidth": random.uniform(2, 4, GAUSSIANS)}})


def writeIteration(folder, cutoff):
    """What the engine keeps of an iteration."""
    folder.mkdir(parents=True)
    writeFsc(folder / FSC_FILE, cutoff)
    for number, (mapFile, gmmFile) in enumerate(zip(HALF_MAP_FILES, HALF_GMM_FILES)):
        writeVolume(folder / mapFile)
        writeGmm(folder / gmmFile, number)


def writeEvents(folder):
    """The log of a running engine, its last line only half written."""
    (folder / "events.jsonl").write_text(
        '{"step": "fsc", "iteration": 1, "resolution": 8.25, "seconds": 3.5}\n'
        '{"step": "refine poses", "iteration": 2, "half": 2, "particles_per_s": 120.4, "eta_s": 600}\n{"step": "rec')


def writeRefinement(folder, changes):
    """A finished refinement.

    Parameters
    ----------
    folder : Path
        The protocol's extra folder.
    changes : tuple of (N,) float
        Rotation change in degrees, shift change in Å.
    """
    for number, cutoff in enumerate(CUTOFFS):
        writeIteration(folder / "iterations" / f"{number:02d}", cutoff)
    writeFsc(folder / FSC_FILE, CUTOFFS[-1])
    for number, (mapFile, gmmFile) in enumerate(zip(HALF_MAP_FILES, HALF_GMM_FILES)):
        writeVolume(folder / mapFile)
        writeGmm(folder / gmmFile, number)
    writeVolume(folder / MAP_FILE)
    with mrcfile.new(folder / MASK_FILE, np.ones((BOX,) * 3, "f4"), overwrite=True) as mask:
        mask.voxel_size = PIXEL_SIZE
    flat = np.full_like(FREQUENCY, 0.98)
    writeTables(folder / GMM_FSC_FILE, {"": {"gmmFrequency": FREQUENCY, "gmmFscHalf1": flat, "gmmFscHalf2": flat}})
    writeTables(folder / PARTICLES_FILE, {
        "optics": {"rlnOpticsGroup": [1]}, "particles": {"gmmRotationChange": changes[0], "gmmShiftChange": changes[1]}})
    iterations = [{"iteration": 0, "resolution": 11.0}, {"iteration": 1, "resolution": 8.5}]
    (folder / "run.json").write_text(json.dumps({"results": {"resolution": 7.25, "iterations": iterations}}))
