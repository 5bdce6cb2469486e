"""Files like those that the engine writes, for the tests of viewers and summaries."""

import json

import mrcfile
import numpy as np

from scipion_gmmrefine.constants import (
    COMPOSITE_FILE,
    COMPOSITE_HALF_FILES,
    FOCUS_MASK_FILE,
    FSC_FILE,
    GMM_FILE,
    GMM_FSC_FILE,
    HALF_GMM_FILES,
    HALF_MAP_FILES,
    INPUT_FILE,
    LATENT_FILE,
    MAP_FILE,
    MASK_FILE,
    MOTIONS_FILE,
    OVERLAPS_FILE,
    PARTICLES_FILE,
    PATCH_EVIDENCE_FILE,
    PATCH_TABLE_FILE,
    PATCHES_FILE,
    SEAMS_FILE,
    TRAINING_FILE,
)
from scipion_gmmrefine.convert.star import readTable, writeTables
from scipion_gmmrefine.convert.star_writer import writeParticles
from scipion_gmmrefine.protocols.protocol_refine_patches import GLOBAL_FOLDER, MODEL_FOLDER, patchFolder
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
    writeTables(
        fileName,
        {
            "fsc": {
                "gmmFrequency": FREQUENCY,
                "gmmFsc": curve,
                "gmmFscUnmasked": 0.9 * curve,
                "gmmFscMasked": curve,
                "gmmFscRandomised": 0.1 * curve,
            }
        },
    )


def writeGmm(fileName, seed=0):
    """A model in a ball."""
    random = np.random.default_rng(seed)
    centers = random.normal(0, 6, (GAUSSIANS, 3))
    writeTables(
        fileName,
        {
            "gmm": {
                "gmmX": centers[:, 0],
                "gmmY": centers[:, 1],
                "gmmZ": centers[:, 2],
                "gmmAmplitude": random.uniform(0.5, 2, GAUSSIANS),
                "gmmWidth": random.uniform(2, 4, GAUSSIANS),
            }
        },
    )


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
        '{"step": "refine poses", "iteration": 2, "half": 2, "particles_per_s": 120.4, "eta_s": 600}\n{"step": "rec'
    )


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
    writeTables(
        folder / PARTICLES_FILE,
        {"optics": {"rlnOpticsGroup": [1]}, "particles": {"gmmRotationChange": changes[0], "gmmShiftChange": changes[1]}},
    )
    iterations = [{"iteration": 0, "resolution": 11.0}, {"iteration": 1, "resolution": 8.5}]
    (folder / "run.json").write_text(json.dumps({"results": {"resolution": 7.25, "iterations": iterations}}))


def writePatches(folder, changes):
    """A finished refinement of two patches, one of them of two spheres, with evidence for them.

    Parameters
    ----------
    folder : Path
        The protocol's extra folder.
    changes : tuple of (N,) float
        Rotation change in degrees, shift change in Å, of the first patch; half of that for the second.
    """
    for name in (COMPOSITE_FILE, *COMPOSITE_HALF_FILES, SEAMS_FILE, MASK_FILE):
        writeVolume(folder / name)
    (folder / GLOBAL_FOLDER).mkdir()
    (folder / MODEL_FOLDER).mkdir()
    writeFsc(folder / GLOBAL_FOLDER / FSC_FILE, CUTOFFS[0])
    writeFsc(folder / FSC_FILE, CUTOFFS[2])
    writeGmm(folder / MODEL_FOLDER / GMM_FILE)
    writeTables(
        folder / PATCHES_FILE,
        {
            "patches": {
                "gmmPatch": [1.0, 2.0, 2.0],
                "gmmX": [-8, 8, 8],
                "gmmY": [0, 0, 0],
                "gmmZ": [0, -4, 4],
                "gmmRadius": [9.0, 7, 7],
            }
        },
    )
    writeTables(
        folder / PATCH_EVIDENCE_FILE,
        {"evidence": {"gmmPatches": [1, 2, 3], "gmmEvidence": [0.1, 0.8, 0.7], "gmmEvidenceError": [0.1, 0.1, 0.1]}},
    )
    writeTables(
        folder / OVERLAPS_FILE,
        {"": {"gmmPatch": [1], "gmmOtherPatch": [2], "gmmOverlapVolume": [2500.0], "gmmSeamRms": [0.125]}},
    )
    writeTables(
        folder / PATCH_TABLE_FILE,
        {
            "patches": {
                "gmmPatch": [1, 2],
                "gmmVolume": [12000.0, 8000],
                "gmmResolutionBefore": [8.5, 9.5],
                "gmmResolutionAfter": [7.25, 0],
                "gmmMeanFscBefore": [0.5, 0.4],
                "gmmMeanFscAfter": [0.6, 0.5],
                "gmmRotationChange": [2.0, 1.0],
                "gmmShiftChange": [1.0, 0.5],
            }
        },
    )
    for number in (1, 2):
        patch = folder / patchFolder(number)
        patch.mkdir(parents=True)
        for name in (MAP_FILE, *HALF_MAP_FILES, FOCUS_MASK_FILE):
            writeVolume(patch / name)
        writeFsc(patch / FSC_FILE, CUTOFFS[1])
        writeTables(
            patch / PARTICLES_FILE,
            {
                "optics": {"rlnOpticsGroup": [1]},
                "particles": {"gmmRotationChange": changes[0] / number, "gmmShiftChange": changes[1] / number},
            },
        )
    (folder / "run.json").write_text(json.dumps({"results": {"resolution": 7.0, "resolution_before": 8.0, "patches": 2}}))


def writeHeterogeneity(folder, particles, latent):
    """A finished heterogeneity run.

    Parameters
    ----------
    folder : Path
        The protocol's extra folder.
    particles : SetOfParticles
    latent : (N, D) float
        Of the particles in their order; motion is ten times the length of it, errors are a tenth of the axis' number.
    """
    writeParticles(particles, folder / INPUT_FILE, folder / "stacks")
    given = readTable(folder / INPUT_FILE, "particles")
    table = {name: given[name] for name in ("rlnImageName", "rlnRandomSubset")}
    for axis, values in enumerate(latent.T, 1):
        table[f"gmmLatent{axis}"], table[f"gmmLatentError{axis}"] = values, np.full(len(values), 0.1 * axis)
    writeTables(folder / LATENT_FILE, {"latent": {**table, "gmmMotion": 10 * np.linalg.norm(latent, axis=1)}})
    writeTables(
        folder / MOTIONS_FILE,
        {"motions": {"gmmAxis": [1.0, 2.0], "gmmRmsHalf1": [4.5, 1.25], "gmmRmsHalf2": [4.25, 0], "gmmCosine": [0.98, 0.5]}},
    )
    writeTables(
        folder / TRAINING_FILE,
        {
            "training": {
                "gmmEpoch": [1.0, 2.0, 3.0],
                "gmmTrainingHalf1": [-4.0, 0, 2],
                "gmmHeldOutHalf1": [-5.0, -1, 1],
                "gmmTrainingHalf2": [-3.0, 1, 3],
                "gmmHeldOutHalf2": [-6.0, -2, 0],
            }
        },
    )
    (folder / "run.json").write_text(
        json.dumps(
            {
                "results": {
                    "verdict": "both halves move alike: leading motion 4.5, 4.2 Å rms, cosine 0.98; "
                    "held-out gain 3.00 ± 0.20, 2.90 ± 0.20 "
                    "per particle",
                    "reproducible": True,
                    "cosines": [0.98, 0.5],
                }
            }
        )
    )
