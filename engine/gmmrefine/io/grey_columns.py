"""Columns that tell how the grey values of a particle's image are to be read."""

from typing import Optional

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.star import StarBlock

CONTRAST_LABEL, SCALE_LABEL = "gmmContrastSign", "gmmScale"


def contrast_signs(block: StarBlock) -> Optional[np.ndarray]:
    """Contrast of the images (N,), +1 or -1, of gmmContrastSign: 1 where a row has none; None when the table does not tell."""
    if not _tells(block, CONTRAST_LABEL):
        return None
    signs = _filled(block, CONTRAST_LABEL).integers(CONTRAST_LABEL)
    wrong = np.flatnonzero(np.abs(signs) != 1)
    if len(wrong):
        raise InputError(
            f"{block.where(wrong[0])}: {CONTRAST_LABEL} is {signs[wrong[0]]}; expected 1 for a bright molecule or -1 for a "
            "dark one. Correct the column."
        )
    return signs


def scales(block: StarBlock) -> Optional[np.ndarray]:
    """Strength (N,) of the signals of gmmScale, 1 for that of the half set and where a row has none; None when the table does
    not tell."""
    if not _tells(block, SCALE_LABEL):
        return None
    values = _filled(block, SCALE_LABEL).numbers(SCALE_LABEL)
    wrong = np.flatnonzero(values < 0)
    if len(wrong):
        raise InputError(
            f"{block.where(wrong[0])}: {SCALE_LABEL} is {values[wrong[0]]:g}; expected 0 (no signal) or more. Remove the "
            f"column or the particle; dark molecules are told by {CONTRAST_LABEL}."
        )
    return values


def _tells(block: StarBlock, label: str) -> bool:
    return label in block and not block.missing(label).all()


def _filled(block: StarBlock, label: str) -> StarBlock:
    """The block with 1 in rows without a value: those of a set without the column, joined to one that has it."""
    return block.with_columns({label: np.where(block.missing(label), b"1", block.columns[label])})
