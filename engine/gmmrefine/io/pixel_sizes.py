"""The pixel size of every particle, from all that its file says about it."""

from typing import List, Optional, Tuple, Union

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.star import StarBlock

SAME_PIXEL_SIZE = 1e-3
_PLAIN = ("rlnImagePixelSize", "rlnPixelSize")
_DETECTOR, _MAGNIFICATION = "rlnDetectorPixelSize", "rlnMagnification"
_MICROMETRES = 1e4  # rlnDetectorPixelSize is in µm


def pixel_sizes(
    particles: StarBlock, optics: Optional[StarBlock] = None, optics_rows: Optional[np.ndarray] = None
) -> np.ndarray:
    """Å/px of every particle, (N,): of rlnImagePixelSize, rlnPixelSize, or rlnDetectorPixelSize with rlnMagnification.

    Each is taken from the particle's own row and from its optics group. A value of 0 or less next to one above is no value.

    Parameters
    ----------
    particles, optics : StarBlock
        N particles; their optics groups, if there are any.
    optics_rows : (N,) int
        Optics group of every particle.

    Raises
    ------
    InputError
        Two that differ by more than 0.1 %; none at all, with the first row.
    """
    values = np.full(len(particles), np.nan)
    source = np.full(len(particles), -1)
    said = _said(particles, optics, optics_rows)
    for number, (_, found) in enumerate(said):
        found = np.where(found > 0, found, np.nan)
        differ = np.flatnonzero(np.abs(found - values) > SAME_PIXEL_SIZE * values)
        if len(differ):
            row = differ[0]
            raise InputError(
                f"{particles.where(row)}: two pixel sizes, {values[row]:.5g} Å/px from {said[source[row]][0]} and "
                f"{found[row]:.5g} Å/px from {said[number][0]}. Correct one, or remove it."
            )
        source = np.where(np.isnan(values) & ~np.isnan(found), number, source)
        values = np.where(np.isnan(values), found, values)
    unknown = np.flatnonzero(np.isnan(values))
    if len(unknown):
        _refuse_unknown(particles, optics, said, unknown[0])
    return values


def _said(particles: StarBlock, optics: Optional[StarBlock], optics_rows: Optional[np.ndarray]) -> List[Tuple[str, np.ndarray]]:
    """What each place in the file says: list of its name in words and values (N,), NaN where it says nothing."""
    said: List[Tuple[str, np.ndarray]] = []
    blocks: List[Tuple[StarBlock, Union[np.ndarray, slice]]] = [(particles, slice(None))]
    if optics is not None and optics_rows is not None:
        blocks.insert(0, (optics, optics_rows))
    for block, rows in blocks:
        said += [
            (f"{label} (data_{block.name})", block.subset(rows).optional_numbers(label)) for label in _PLAIN if label in block
        ]
    parts = []
    for label in (_DETECTOR, _MAGNIFICATION):
        found = [block.subset(rows).optional_numbers(label) for block, rows in blocks if label in block]
        if not found:
            return said
        parts.append(np.where(np.isnan(found[-1]), found[0], found[-1]))  # a particle's own value first
    with np.errstate(divide="ignore", invalid="ignore"):
        computed = parts[0] * _MICROMETRES / parts[1]
    return [*said, (f"{_DETECTOR} and {_MAGNIFICATION}", np.where(np.isfinite(computed), computed, 0.0))]


def _refuse_unknown(particles: StarBlock, optics: Optional[StarBlock], said: List[Tuple[str, np.ndarray]], row: int) -> None:
    found = [f"{name.partition(' (')[0]} is {values[row]:g} Å/px" for name, values in said if not np.isnan(values[row])]
    if found:
        raise InputError(f"{particles.where(row)}: {', '.join(found)}; expected more than 0. Correct it.")
    place = "data_optics" if optics is not None else "the table, which has no data_optics beside it"
    raise InputError(
        f"{particles.where(row)}: the pixel size is unknown, rlnImagePixelSize is missing from {place}, and so are "
        "rlnPixelSize and rlnDetectorPixelSize with rlnMagnification. Add the pixel size in Å."
    )
