"""Grids and aberrations of RELION's optics groups, from the columns of a particle table and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Sequence, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.star import is_none
from gmmrefine.particles.aberrations import with_beam_tilt
from gmmrefine.particles.optics import NO_DISTORTION, Optics, OpticsGroup
from gmmrefine.particles.particle_set import CtfParameters, ParticleSet

if TYPE_CHECKING:
    from gmmrefine.io.particle_table import ParticleTable

TILT = ("rlnBeamTiltX", "rlnBeamTiltY")
ODD, EVEN = "rlnOddZernike", "rlnEvenZernike"
MAGNIFICATION = ("rlnMagMat00", "rlnMagMat01", "rlnMagMat10", "rlnMagMat11")
NEGLIGIBLE = 1e-6  # of a coefficient (radians at 1 Å) and of an element of a magnification matrix
_LEAST_DETERMINANT, _LARGEST_DETERMINANT = 0.5, 2.0  # of a magnification matrix; real ones differ from 1 by a few percent


def read_optics(
    table: ParticleTable, optics_rows: np.ndarray, boxes: np.ndarray, pixel_sizes: np.ndarray, ctf: CtfParameters
) -> Optics:
    """The optics groups of particles, by their grids and aberrations.

    Parameters
    ----------
    table : ParticleTable
    optics_rows : (N,) int
        Row in its optics table of every particle.
    boxes : (N,) int
        px
    pixel_sizes : (N,) float
        Å/px.
    ctf : CtfParameters
        Cs and voltage give the phase of a beam tilt.

    Returns
    -------
    Optics

    Raises
    ------
    InputError
        A list that is not one of numbers, a magnification matrix that is none.
    """
    values = [boxes, pixel_sizes, ctf.cs_mm, ctf.voltage_kv]
    values += [table.numbers(label, optics_rows, default=0) for label in TILT]
    values += [table.numbers(label, optics_rows, default) for label, default in zip(MAGNIFICATION, NO_DISTORTION)]
    lists = [lists_of_numbers(table, label, optics_rows) for label in (ODD, EVEN)]
    first, index = _distinct([optics_rows, *values, *(which for _, which in lists)])
    groups = [
        _group(table.particles.where(row), [column[row] for column in values], *(some[which[row]] for some, which in lists))
        for row in first
    ]
    alike = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return Optics(tuple(alike), np.array([alike[group] for group in groups])[index])


def optics_columns(particles: ParticleSet) -> Dict[str, Any]:
    """Columns by particle, dict of str to (N,) array, that ``read_optics`` reads; aberrations only where there are any."""
    optics = particles.optics
    columns = {"rlnImagePixelSize": particles.image_pixels, "rlnImageSize": particles.image_boxes}
    if optics is None:
        return columns
    for label, name in ((ODD, "odd"), (EVEN, "even")):
        if any(getattr(group, name) for group in optics.groups):
            columns[label] = np.array([list_text(getattr(group, name)) for group in optics.groups])[optics.index]
    if any(group.magnification != NO_DISTORTION for group in optics.groups):
        columns.update(zip(MAGNIFICATION, optics.values("magnification").T))
    return columns


def list_text(values: Iterable[float]) -> str:
    """Numbers as RELION writes a list: [0.1,0,2]."""
    return f"[{','.join(f'{value:.9g}' for value in values)}]"


def lists_of_numbers(table: ParticleTable, label: str, optics_rows: np.ndarray) -> Tuple[List[Tuple[float, ...]], np.ndarray]:
    """Lists such as [0.1,0,2] that particles or their optics groups have in a column.

    Parameters
    ----------
    table : ParticleTable
    label : str
    optics_rows : (N,) int

    Returns
    -------
    lists : list of tuple of float
        Those that differ; empty where neither table has one.
    index : (N,) int
        Which of them every particle has.

    Raises
    ------
    InputError
        No list of numbers; the two tables contradict each other.
    """
    columns = [
        block.columns[label][rows]
        for block, rows in ((table.particles, slice(None)), (table.optics, optics_rows))
        if label in block
    ]
    first, index = _distinct(columns or [np.zeros(len(optics_rows), int)])
    return [_one_list(table, label, row, [column[row] for column in columns]) for row in first], index


def _one_list(table: ParticleTable, label: str, row: int, texts: List[bytes]) -> Tuple[float, ...]:
    """The numbers of the one or two lists that a particle and its optics group have."""
    found: Dict[Tuple[float, ...], str] = {}
    for text in (text.decode("utf-8", "replace").strip("\"'") for text in texts):
        if not is_none(text):
            found.setdefault(_numbers(table.particles.where(row), label, text), text)
    if len(found) > 1:
        raise InputError(
            f"{table.particles.where(row)}: {label} is {' in the row and '.join(found.values())} in its optics group. Correct "
            "one, or remove it."
        )
    return next(iter(found), ())


def _distinct(columns: List[np.ndarray]) -> Tuple[np.ndarray, np.ndarray]:
    """Rows that differ in any column: the first of each kind, in order, and which kind every row is, (N,) int."""
    varying = [np.unique(column, return_inverse=True)[1].ravel() for column in columns]
    varying = [ranks for ranks in varying if ranks.any()] or [np.zeros(len(columns[0]), int)]
    _, first, inverse = np.unique(np.column_stack(varying), axis=0, return_index=True, return_inverse=True)
    return np.sort(first), np.argsort(np.argsort(first))[inverse.ravel()]


def _group(where: str, values: Sequence[float], odd: Tuple[float, ...], even: Tuple[float, ...]) -> OpticsGroup:
    box, pixel_size, cs, voltage, tilt_x, tilt_y, *magnification = values
    determinant = magnification[0] * magnification[3] - magnification[1] * magnification[2]
    if not _LEAST_DETERMINANT < determinant < _LARGEST_DETERMINANT:
        found = " ".join(f"{value:g}" for value in magnification)
        raise InputError(
            f"{where}: rlnMagMat00, 01, 10, 11 are {found}; expected a matrix close to 1 0 0 1. Correct the optics group."
        )
    odd, even = (
        values if np.abs((*values, 0)).max() > NEGLIGIBLE else ()
        for values in (with_beam_tilt(odd, tilt_x, tilt_y, cs, voltage), even)
    )
    if np.abs(np.subtract(magnification, NO_DISTORTION)).max() <= NEGLIGIBLE:
        magnification = list(NO_DISTORTION)
    return OpticsGroup(int(box), float(pixel_size), odd, even, tuple(float(value) for value in magnification))


def _numbers(where: str, label: str, text: str) -> Tuple[float, ...]:
    """Numbers of a list such as [0.1,0,2]."""
    try:
        values = tuple(float(part) for part in text.strip("[] ").split(",") if part.strip())
    except ValueError:
        values = (np.nan,)
    if not np.isfinite(values).all():
        raise InputError(
            f"{where}: {label} is '{text}'; expected a list of numbers such as [0.1,0,-2]. Correct the optics group."
        )
    return values
