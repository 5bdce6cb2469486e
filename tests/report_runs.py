"""Folders of runs as the commands leave them, written in a moment: small tables and maps with numbers that are known."""

import json
from pathlib import Path

import numpy as np

from gmmrefine.gmm.model import Gmm
from gmmrefine.io.curves import write_curves
from gmmrefine.io.gmm_file import write_gmm
from gmmrefine.io.mrc import write_map
from gmmrefine.io.star import StarBlock, optional_column, text_columns, write_star

FREQUENCY = np.arange(21) / 100  # 1/Å, to 5 Å
CLASSES = ("protein_backbone", "protein_side_chain", "ligand", "ion")
RECORD = {
    "command": "refine",
    "version": "0.1.0",
    "settings": {"iterations": 3, "fsc_threshold": 0.143, "mask": ""},
    "seed": 7,
    "inputs": {"particles.star": "ab" * 32},
    "half_set_hash": "cd" * 32,
    "results": {},
    "timings": {"total": 61.0},
    "peak_memory_mb": 512.0,
    "finished": True,
    "machine": {"system": "Linux", "processors": 4},
    "device": "CPU",
    "images": 300,
    "particles": 300,
    "box_size": 40,
    "pixel_size": 2.5,
    "exchanges": [],
}

HISTORY = [
    {"iteration": number, "resolution": resolution, "mean_fsc": 0.5, "rotation_change_deg": 1.25 * number, "shift_change": 0.5}
    for number, resolution in enumerate((9.0, 7.5, 7.6))
]


def write_record(folder, **changes):
    """Write run.json with some entries changed; gives the folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    (Path(folder) / "run.json").write_text(json.dumps({**RECORD, **changes}), encoding="utf-8")
    return Path(folder)


def write_table(path, columns):
    """Write one table: numbers (NaN for none) and strings by label."""
    numbers = {label: optional_column(values) for label, values in columns.items() if values.dtype.kind == "f"}
    text = text_columns({**columns, **numbers})
    write_star(path, [StarBlock(Path(path).stem, text)])


def write_fsc(path, edge):
    """Write FSC curves that fall at shell ``edge``."""
    fsc = 1 / (1 + np.exp(np.arange(21) - edge))
    write_curves(
        path,
        {
            "gmmFrequency": FREQUENCY,
            "gmmFsc": fsc,
            "gmmFscUnmasked": 0.9 * fsc,
            "gmmFscMasked": fsc,
            "gmmFscRandomised": 0.1 * fsc,
        },
    )


def write_particles(path, rng, count=300):
    """Write poses all over the sphere and how far they were changed."""
    write_star(
        path,
        [
            StarBlock(
                "particles",
                text_columns(
                    {
                        "rlnAngleRot": rng.uniform(-180, 180, count),
                        "rlnAngleTilt": np.degrees(np.arccos(rng.uniform(-1, 1, count))),
                        "rlnRandomSubset": 1 + np.arange(count) % 2,
                        "gmmRotationChange": rng.gamma(4, 0.5, count),
                        "gmmShiftChange": rng.gamma(4, 0.3, count),
                    }
                ),
            )
        ],
    )


def write_full_run(folder, **changes):
    """A folder that holds a file for every section; no command writes them all."""
    folder, rng = write_record(folder, **changes), np.random.default_rng(4)
    write_fsc(folder / "fsc.star", 12)
    axes = np.linspace(0, 90, 20)
    write_curves(
        folder / "directions.star",
        {"rlnAngleRot": 4 * axes - 180, "rlnAngleTilt": axes, "gmmResolution": 6 + axes / 30, "gmmSummedFsc": 9 - axes / 30},
    )
    for number, edge in enumerate((8, 11, 12)):
        write_fsc(folder / "iterations" / f"{number:02d}" / "fsc.star", edge)
    write_curves(
        folder / "gmm_fsc.star", {"gmmFrequency": FREQUENCY, "gmmFscHalf1": 1 - FREQUENCY, "gmmFscHalf2": 1 - FREQUENCY}
    )
    write_curves(
        folder / "patch_evidence.star",
        {"gmmPatches": np.arange(1, 4.0), "gmmEvidence": np.array([1, 3, 3.1]), "gmmEvidenceError": np.full(3, 0.2)},
    )
    write_particles(folder / "particles.star", rng)
    for half in (1, 2):
        write_gmm(folder / f"gmm_half_{half}.star", Gmm(rng.normal(0, 20, (80, 3)), np.ones(80), np.full(80, 3.0)))
    z, y, x = np.indices((24, 24, 24)) - 12
    ball = np.exp(-(x**2 + y**2 + 0.5 * z**2) / 50)
    for name, volume in (("unmodified", ball), ("sharpened", ball**2), ("map", ball)):
        write_map(folder / f"{name}.mrc", volume, 2.5)
    write_map(folder / "local_resolution.mrc", np.where(ball > 0.2, 6 + x / 12, 0), 2.5)
    amplitude = np.exp(-100 * FREQUENCY**2)
    write_curves(
        folder / "amplitudes.star",
        {
            "gmmFrequency": FREQUENCY,
            "gmmAmplitude": amplitude,
            "gmmAmplitudeWithoutNoise": 0.9 * amplitude,
            "gmmAmplitudeSharpened": 2 * amplitude,
        },
    )
    write_error_model(folder)
    write_scores(folder, rng)
    write_conformations(folder, rng)
    return folder


def write_error_model(folder):
    """The table of ``modify``: seven bands, no signal in the last."""
    falling = np.array([8, 7, 5, 3, 2, 1, 0.0])
    write_curves(
        folder / "error_model.star",
        {
            "gmmFrequency": np.linspace(0.01, 0.2, 7),
            "gmmSignalPower": falling,
            "gmmNoisePower": np.ones(7),
            "gmmSolventNoisePower": np.full(7, 0.5),
            "gmmGain": np.sqrt(falling / (falling + 1)),
            "gmmSolventGain": np.zeros(7),
        },
    )


def write_conformations(folder, rng):
    """The tables of what a heterogeneity run has learned."""
    write_table(
        folder / "latent.star",
        {
            "rlnRandomSubset": np.repeat([1, 2], 40),
            "gmmMotion": rng.uniform(0, 3, 80),
            **{f"gmm{name}{axis}": rng.uniform(0.1, 1, 80) for name in ("Latent", "LatentError") for axis in (1, 2)},
        },
    )
    write_curves(
        folder / "motions.star",
        {
            "gmmAxis": np.array([1.0, 2]),
            "gmmRmsHalf1": np.array([2.5, 0.4]),
            "gmmRmsHalf2": np.array([2.4, 0.3]),
            "gmmCosine": np.array([0.93, 0.2]),
        },
    )
    write_curves(
        folder / "training.star",
        {
            "gmmEpoch": np.arange(1, 6.0),
            **{f"gmm{name}Half{half}": np.arange(5.0) for name in ("Training", "HeldOut") for half in (1, 2)},
        },
    )


def write_scores(folder, rng):
    """The tables of Q-scores and of an audit of one map in which a ligand was lost."""
    classes = np.repeat(CLASSES, (60, 60, 12, 2))
    scores = rng.normal(0.7, 0.08, len(classes))
    scores[0] = np.nan
    write_table(folder / "qscore.star", {"gmmClass": classes, "gmmQScore": scores})
    residues = np.arange(1, 31)
    for_chains = {"gmmChain": np.repeat(["A", "B"], 30), "gmmResidueNumber": np.tile(residues, 2)}
    q = rng.normal(0.7, 0.05, 60)
    write_table(folder / "residues.star", {**for_chains, "gmmQMean": q, "gmmQWindow": q})
    statistics = ("gmmAtoms", "gmmAtomsOutside", "gmmQMean", "gmmQMedian", "gmmQQuartile1", "gmmQQuartile3")
    write_table(
        folder / "classes.star",
        {"gmmClass": np.array(CLASSES), **{label: np.linspace(0.6, 0.8, len(CLASSES)) for label in statistics}},
    )
    write_table(folder / "atoms.star", {"gmmClass": classes, "gmmQScoreMap1": scores, "gmmQScoreMap2": scores - 0.1})
    write_table(folder / "maps.star", {"gmmMap": np.array(["deposited", "changed"])})
    write_table(
        folder / "changes.star",
        {
            "gmmMap": np.repeat("changed", 4),
            "gmmClass": np.array(CLASSES),
            "gmmQChange": np.array([-0.1, -0.1, -0.6, np.nan]),
            "gmmQChangeLow": np.array([-0.12, -0.12, np.nan, np.nan]),
            "gmmQChangeHigh": np.array([-0.08, -0.08, np.nan, np.nan]),
        },
    )
    numbers = ("gmmQReference", "gmmQScore", "gmmQChange", "gmmDensityReference", "gmmDensity")
    write_table(
        folder / "audit.star",
        {
            "gmmMap": np.repeat("changed", 3),
            "gmmChain": np.repeat("A", 3),
            "gmmResidueName": np.array(["MG", "ATP", "HOH"]),
            "gmmResidueNumber": np.array([1, 2, 3]),
            "gmmClass": np.array(["ion", "ligand", "water"]),
            "gmmStatus": np.array(["kept", "lost", "kept"]),
            **{label: np.array([0.7, 0.1, np.nan]) for label in numbers},
        },
    )
