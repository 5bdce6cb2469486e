"""Tomography files told by their columns, so that they are refused by name."""

from typing import Iterable, List

from gmmrefine.errors import InputError
from gmmrefine.io.star import StarBlock

_PREFIX = "rlnTomo"


def refuse_tomography(path: str, blocks: Iterable[StarBlock]) -> None:
    """Refuse subtomograms, stacks of tilts and lists of tilt series.

    Images of single tilts, one row each (``1@stack.mrcs``), are images as any others, whatever further columns they have.

    Parameters
    ----------
    path : str
        File, for the message.
    blocks : iterable of StarBlock
        All of it.

    Raises
    ------
    InputError
    """
    blocks = list(blocks)
    sign = _sign_of_volumes(blocks) or _sign_of_series(blocks)
    if sign:
        raise InputError(
            f"{path}: a tomography file ({sign}); subtomograms and tilt series are not supported. Give images of single "
            "particles, one row each, such as 000001@particles.mrcs."
        )


def _sign_of_volumes(blocks: List[StarBlock]) -> str:
    for block in blocks:
        if "rlnImageDimensionality" in block and (block.optional_numbers("rlnImageDimensionality") == 3).any():
            return "rlnImageDimensionality is 3"
        if "rlnCtfImage" in block:
            return "rlnCtfImage, the CTF as a volume"
    return ""


def _sign_of_series(blocks: List[StarBlock]) -> str:
    """Tomographic columns in a file of which no row names an image by number."""
    labels = [label for block in blocks for label in block.columns if label.startswith(_PREFIX)]
    images = (name for block in blocks if "rlnImageName" in block for name in block.strings("rlnImageName")[:1])
    return labels[0] if labels and not any("@" in name for name in images) else ""
