"""Places of particles on their micrographs as cryoSPARC's fields: fractions of the micrograph's sides."""

import os
from typing import Dict, List, Sequence, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc_fields import SIZE_LABELS, hashed, text_field
from gmmrefine.io.stacks import find_stack, stack_header
from gmmrefine.io.star import StarBlock
from gmmrefine.particles.particle_set import ParticleSet

_PLACE = ("rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY")
_PIXEL_SIZES = ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize")


def location_fields(particles: ParticleSet, flip_y: bool) -> Tuple[Dict[str, np.ndarray], List[str]]:
    """Fields of ``location``, as far as the micrographs' sizes are known.

    Parameters
    ----------
    particles : ParticleSet
        With a table.
    flip_y : bool
        ``center_y_frac`` counts from the last row of the micrograph instead of the first.

    Returns
    -------
    fields : dict of str to (N,) or (N, 2) array
        Empty where the table knows no places or no sizes.
    notes : list of str
        Why places of the table could not be written.
    """
    table = particles.table
    block = table.particles.subset(particles.row)
    if not all(label in block for label in _PLACE):
        return {}, []
    x, y = (block.numbers(label) for label in _PLACE[1:])
    names, number = np.unique(block.strings(_PLACE[0]), return_inverse=True)
    found = [find_stack(name, table.source) for name in names.tolist()]
    sizes, unknown = _sizes(block, found, number)
    if unknown:
        return {}, [
            f"places on the micrographs are not written: sizes of {len(unknown)} of {len(names)} micrographs are not "
            f"known (first {unknown[0]}). Copy or link the micrographs there."
        ]
    beyond = np.flatnonzero((x < 0) | (y < 0) | (x > sizes[:, 0]) | (y > sizes[:, 1]))
    if len(beyond):
        row = beyond[0]
        return {}, [
            f"places on the micrographs are not written: {x[row]:g}, {y[row]:g} px lies outside of "
            f"{found[number[row]]} of {sizes[row, 0]}×{sizes[row, 1]} px: they differ in sampling"
        ]
    optics_rows = table.optics_rows()
    paths = [path if os.path.isfile(path) else name for name, path in zip(names.tolist(), found)]
    fraction = y / sizes[:, 1]
    fields = {
        "location/micrograph_uid": hashed(found)[number],
        "location/exp_group_id": optics_rows[particles.row],
        "location/micrograph_path": text_field(paths)[number],
        "location/micrograph_shape": sizes[:, ::-1],
        "location/center_x_frac": x / sizes[:, 0],
        "location/center_y_frac": 1 - fraction if flip_y else fraction,
    }
    for label in _PIXEL_SIZES:
        pixel_size = table.numbers(label, optics_rows)
        if pixel_size is not None:
            return {**fields, "location/micrograph_psize_A": pixel_size[particles.row]}, []
    return fields, []


def coordinate_note(particles: ParticleSet, flipped: bool) -> List[str]:
    """Which way places on micrographs were counted in the .cs file from which, or to which, this table went; list of str.

    Parameters
    ----------
    particles : ParticleSet
        With a table.
    flipped : bool
        Whether they count from the last row of the micrograph.
    """
    if "rlnCoordinateY" not in particles.table.particles:
        return []
    way = "last row, as pyem counts it" if flipped else "first row, as RELION counts (--flip-coordinate-y: last row, as pyem)"
    return [f"location/center_y_frac is taken from the micrograph's {way}"]


def _sizes(block: StarBlock, files: Sequence[str], number: np.ndarray) -> Tuple[np.ndarray, List[str]]:
    """Columns and rows (N, 2) of the particles' micrographs, by the table or else their headers; files that do not tell."""
    if all(label in block for label in SIZE_LABELS):
        sizes = np.column_stack([block.integers(label) for label in SIZE_LABELS])
        if (sizes > 0).all():
            return sizes, []
    headers, unknown = np.zeros((len(files), 2), int), []
    for position, path in enumerate(files):
        try:
            headers[position] = stack_header(path)[3:1:-1]
        except InputError:
            unknown.append(path)
    return headers[number], unknown
