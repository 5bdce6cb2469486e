"""What a particle table says about which of its images show one particle."""

from dataclasses import replace
from typing import Optional, Sequence, Tuple, Union

import numpy as np

from gmmrefine.geometry.rotations import angular_distance_deg
from gmmrefine.io.particle_table import ParticleTable
from gmmrefine.io.pixel_sizes import pixel_sizes
from gmmrefine.io.star import StarBlock
from gmmrefine.particles.identity import joined, numbered, same_place
from gmmrefine.particles.particle_set import ParticleSet
from gmmrefine.particles.symmetry import PARENT_LABEL, copies_of

# A group name tells a particle where these stand too: the tilts of one (Warp, M); elsewhere it is a group of micrographs.
_TILT_LABELS = ("rlnTomoName", "rlnTomoParticleId", "rlnCoordinateZ", "rlnMicrographPreExposure")
_PIXEL_LABELS = ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize")
_PLACE = ("rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY")
_COPY_ANGLE = 10.0  # degrees; symmetry copies of an image are turned by more
_MOST_APART = 0.25  # of the box; centres nearer than this cannot be of two particles


def copy_marks(table: ParticleTable, optics_rows: np.ndarray) -> Optional[np.ndarray]:
    """Number (N,) of the particle that each row is a copy of; None where the table marks no copies.

    Parameters
    ----------
    table : ParticleTable
    optics_rows : (N,) int
    """
    block, marks = table.particles, []
    if _tells(block, PARENT_LABEL):
        marks.append(_own_where_missing(block, PARENT_LABEL))
    if _tells(block, "rlnImageOriginalName"):
        # two projects may have stacks of one name, but not in one optics group with micrographs of one name
        columns = [_own_where_missing(block, "rlnImageOriginalName"), optics_rows]
        if "rlnMicrographName" in block:
            columns.append(block.columns["rlnMicrographName"])
        marks.append(_together(columns))
    return _if_any_shared(marks)


def same_particle(
    table: ParticleTable, optics_rows: np.ndarray, shifts: np.ndarray, box: float, distance: float = 0.0
) -> Tuple[Optional[np.ndarray], Tuple[str, ...]]:
    """Which rows show one particle in images of their own: two extractions of it, its tilts, or segments of one filament.

    Parameters
    ----------
    table : ParticleTable
    optics_rows : (N,) int
    shifts : (N, 2) float
        Å.
    box : float
        Side of the images, or of the smallest where they differ, Å.
    distance : float
        Å; particles of one micrograph that lie nearer are one. 0: a tenth of half the box.

    Returns
    -------
    labels : (N,) int or None
        None where the table tells nothing.
    notes : tuple of str
    """
    series = series_labels(table)
    places, notes = place_labels(table, optics_rows, shifts, box, distance or 0.05 * box)
    return _if_any_shared([labels for labels in (series, places) if labels is not None]), notes


def series_labels(table: ParticleTable) -> Optional[np.ndarray]:
    """Labels (N,) that tilts of one particle, or segments of one filament, share; None where there are no such series."""
    block, found = table.particles, []
    if _tells(block, "rlnHelicalTubeID") and _tells(block, "rlnMicrographName"):
        found.append(_together([_own_where_missing(block, label) for label in ("rlnHelicalTubeID", "rlnMicrographName")]))
    if _tells(block, "rlnTomoParticleName"):
        found.append(_own_where_missing(block, "rlnTomoParticleName"))
    elif _tells(block, "rlnGroupName") and any(_tells(block, label) for label in _TILT_LABELS):
        found.append(_own_where_missing(block, "rlnGroupName"))
    return joined(*found) if found else None


def place_labels(
    table: ParticleTable, optics_rows: np.ndarray, shifts: np.ndarray, box: float, distance: float
) -> Tuple[Optional[np.ndarray], Tuple[str, ...]]:
    """Labels (N,) that images share which were extracted at one place, or None; and what a user should know about it.

    Lengths as in ``same_particle``: ``shifts`` (N, 2), ``box`` and ``distance`` in Å.

    Parameters
    ----------
    optics_rows : (N,) int
        Row in the optics table of every particle.
    """
    block = table.particles
    if not all(_tells(block, label) for label in _PLACE):
        return None, ()
    pixel_size, notes = _micrograph_pixel_size(table, optics_rows)
    coordinates = np.column_stack([block.optional_numbers(label) for label in _PLACE[1:]]) * pixel_size[:, None]
    defocus = 0.5 * (block.numbers("rlnDefocusU") + block.numbers("rlnDefocusV"))
    nowhere = np.isnan(coordinates).any(axis=1)
    coordinates[nowhere] = 0
    micrograph = _own_where_missing(block, "rlnMicrographName", nowhere)
    labels = same_place(micrograph, coordinates - shifts, defocus, distance)
    # a shift may bring a box over its neighbour's particle where a pose went astray: then the boxes are far apart
    near = same_place(micrograph, coordinates, defocus, _MOST_APART * box)
    return _together([labels, near]), notes


def repeats(particles: ParticleSet, distance: float = 0.0) -> np.ndarray:
    """Which images (N,) bool show a particle again that an earlier row shows, and are no tilt, segment or symmetry copy of it.

    Parameters
    ----------
    particles : ParticleSet
        Read from a table.
    distance : float
        Å, as in ``same_particle``.
    """
    own = replace(particles.table, particles=particles.table.particles.subset(particles.row))
    optics_rows = own.optics_rows()
    box = particles.narrowest
    places, _ = place_labels(own, optics_rows, particles.shifts, box, distance or 0.05 * box)
    copies, series = copies_of(particles), series_labels(own)
    group = copies if places is None else joined(copies, places)
    kept = np.unique(group, return_index=True)[1][group]
    again = kept < np.arange(len(particles))
    turned = angular_distance_deg(particles.rotations, particles.rotations[kept]) > _COPY_ANGLE
    again &= ~((copies == copies[kept]) & turned)
    return again if series is None else again & (series != series[kept])


def _micrograph_pixel_size(table: ParticleTable, optics_rows: np.ndarray) -> Tuple[np.ndarray, Tuple[str, ...]]:
    """Å/px (N,) of the coordinates, and a note where the table does not tell it."""
    values = np.zeros(len(optics_rows))
    for label in _PIXEL_LABELS:
        found = table.optional(label, optics_rows)
        if found is not None:
            values = np.where(values > 0, values, np.nan_to_num(found))
    unknown = ~(values > 0)
    if not unknown.any():
        return values, ()
    of_images = pixel_sizes(table.particles, table.optics, optics_rows)
    some = "" if unknown.all() else f" for {np.count_nonzero(unknown)} of {len(unknown)} particles"
    return np.where(unknown, of_images, values), (
        f"{table.source} has coordinates but no {_PIXEL_LABELS[0]}{some}: whether one particle was extracted twice is told "
        "with the pixel size of the images only, and particles of binned images are not told. Add the column to be sure.",
    )


def _tells(block: StarBlock, label: str) -> bool:
    """Whether a table has a column, and a value in any row of it."""
    return label in block and not block.missing(label).all()


def _own_where_missing(block: StarBlock, label: str, also: Union[bool, np.ndarray] = False) -> np.ndarray:
    """Numbers (N,) of the values in a column; a row without one, or of ``also`` (N,) bool, shares its number with no other."""
    numbers = numbered(block.columns[label])
    alone = block.missing(label) | also
    numbers[alone] = len(numbers) + np.arange(np.count_nonzero(alone))
    return numbers


def _if_any_shared(labellings: Sequence[np.ndarray]) -> Optional[np.ndarray]:
    """All labellings (N,) in one, or None where every row is by itself."""
    if not labellings:
        return None
    labels = joined(*labellings)
    return None if labels.max() + 1 == len(labels) else labels


def _together(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Numbers (N,) that rows share which agree in all columns."""
    ranks = np.column_stack([numbered(values) for values in columns])
    return numbered(np.unique(ranks, axis=0, return_inverse=True)[1].ravel())
