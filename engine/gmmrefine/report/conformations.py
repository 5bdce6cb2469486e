"""The section of a report on learned conformations and on poses made of them."""

from typing import List, Optional

import numpy as np

from gmmrefine.report.folder import RunFolder
from gmmrefine.report.latent_plots import density_plot, latent_plot, training_plot
from gmmrefine.report.page import Figure, Part, Section, heading, rounded, table
from gmmrefine.report.plots import change_plot


def conformations_section(run: RunFolder) -> Optional[Section]:
    """What moves, how far, whether the halves agree; who took the pose of its conformation."""
    parts: List[Part] = []
    if run.has("latent.star"):
        parts += _latents(run)
    if run.has("training.star"):
        names = {
            f"gmm{label}Half{half}": f"half {half}, {words}"
            for half in (1, 2)
            for label, words in (("Training", "trained on"), ("HeldOut", "held out"))
        }
        epochs, *curves = run.columns("training.star", "gmmEpoch", *names)
        parts.append(Figure("Training", training_plot(epochs, dict(zip(names.values(), curves)))))
    if run.has("motions.star") and "gmmCosine" in run.table("motions.star"):
        labels = {
            "gmmAxis": "motion",
            "gmmRmsHalf1": "half 1 (Å rms)",
            "gmmRmsHalf2": "half 2 (Å rms)",
            "gmmCosine": "agreement (cosine)",
        }
        parts += [
            heading("Principal motions"),
            table(
                list(labels.values()),
                [
                    [rounded(value, digits) for value, digits in zip(row, (0, 2, 2, 3))]
                    for row in zip(*run.columns("motions.star", *labels))
                ],
            ),
        ]
    elif run.has("motions.star"):
        parts += _converted(run)
    return Section("Conformations", tuple(parts)) if parts else None


def _latents(run: RunFolder) -> List[Part]:
    block = run.table("latent.star")
    size = sum(label.startswith("gmmLatentError") for label in block.columns)
    half, motion, *latent = run.columns(
        "latent.star", "rlnRandomSubset", "gmmMotion", *(f"gmmLatent{axis + 1}" for axis in range(size))
    )
    mine = {f"half {number:g}": half == number for number in np.unique(half)}
    note = "The halves learn apart: their axes need not match, nor point the same way."
    if size > 1:
        first = Figure(
            "Where particles lie in the latent space",
            latent_plot({name: np.column_stack(latent[:2])[chosen] for name, chosen in mine.items()}, ("latent 1", "latent 2")),
            note,
        )
    else:
        first = Figure(
            "Where particles lie in the latent space",
            density_plot({name: latent[0][chosen] for name, chosen in mine.items()}, "latent 1"),
            note,
        )
    return [
        first,
        Figure(
            "How far particles are from the neutral state",
            change_plot({name: motion[chosen] for name, chosen in mine.items()}, "displacement of what may move (Å rms)"),
        ),
    ]


def _converted(run: RunFolder) -> List[Part]:
    *turn, used = run.columns("motions.star", "gmmTurnX", "gmmTurnY", "gmmTurnZ", "gmmMotionUsed")
    angle = np.linalg.norm(turn, axis=0)
    groups = {name: angle[used == value] for name, value in (("pose follows the conformation", 1), ("keeps its pose", 0))}
    return [
        Figure(
            "How far the region turns",
            change_plot({name: values for name, values in groups.items() if len(values)}, "turn of the region (degrees)"),
        )
    ]
