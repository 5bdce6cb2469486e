"""RELION particle files (STAR 3.0, 3.1, 5) to particle sets and back."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple

import numpy as np
from numpy.typing import ArrayLike

from gmmrefine.geometry.rotations import euler_from_rotations
from gmmrefine.io import identity, table_values
from gmmrefine.io.grey_columns import SCALE_LABEL, contrast_signs, scales
from gmmrefine.io.optics_columns import read_optics
from gmmrefine.io.particle_table import ParticleTable, read_table, require, table_of
from gmmrefine.io.pixel_sizes import pixel_sizes
from gmmrefine.io.plausible_values import unlikely_values
from gmmrefine.io.stacks import StackFinder, numbered_image_names, plain_path, split_image_names
from gmmrefine.io.star import StarBlock, folder_of, quoted, text_column, text_columns, write_star
from gmmrefine.particles.optics import common_grid
from gmmrefine.particles.particle_set import ParticleSet, draw_half_sets
from gmmrefine.regular_file import FilePath


def read_particles(path: FilePath, split_halves: Optional[int] = 0, distance: float = 0.0) -> ParticleSet:
    """Particles of a RELION STAR file with poses, CTF and half sets.

    Parameters
    ----------
    path : str or Path
        RELION 3.0, 3.1 or 5.
    split_halves : int
        Seed to draw half sets with when the file has none; 0 leaves them unknown.
    distance : float
        Å; images of one micrograph whose particles lie nearer show one particle. 0: a tenth of half the box.

    Returns
    -------
    ParticleSet
        Its ``table`` keeps the whole file for ``write_particles``.

    Raises
    ------
    InputError
        See ``particles_from_table``.
    """
    return particles_from_table(read_table(path), split_halves, distance)


def particles_from_table(table: ParticleTable, split_halves: Optional[int] = 0, distance: float = 0.0) -> ParticleSet:
    """The particle set that a table describes. Stacks are located but not opened, unless the box size is unknown.

    Parameters
    ----------
    table : ParticleTable
    split_halves : int
        Seed, 0 for none.
    distance : float
        As in ``read_particles``.

    Raises
    ------
    InputError
        Columns missing, values that make no sense.
    """
    block = table.particles
    require(block, ("rlnImageName",), "where the images are")
    optics_rows = table.optics_rows()
    table, stacks, stack_index, slice_index = _located(table)
    rotations = table_values.rotations(block)
    pixels = pixel_sizes(table.particles, table.optics, optics_rows)
    ctf, notes = table_values.ctf(table, optics_rows)
    shifts = table_values.shifts(block, pixels)
    boxes = table_values.box_sizes(table, optics_rows, stacks, stack_index)
    optics = read_optics(table, optics_rows, boxes, pixels, ctf)
    particle, told = identity.same_particle(table, optics_rows, shifts, optics.narrowest, distance)
    told = (*told, *unlikely_values(ctf, shifts, pixels, boxes * pixels, block.where))
    box_size, pixel_size = common_grid(optics.used())
    particles = ParticleSet(
        stacks=tuple(stacks),
        stack_index=stack_index,
        slice_index=slice_index,
        rotations=rotations,
        shifts=shifts,
        half_set=table_values.half_sets(block),
        ctf=ctf,
        box_size=box_size,
        pixel_size=pixel_size,
        row=np.arange(len(block)),
        parent=identity.copy_marks(table, optics_rows),
        particle=particle,
        contrast_sign=contrast_signs(block),
        scale=scales(block),
        optics=optics,
        table=replace(table, notes=(*table.notes, *notes, *told)),
    )
    return with_half_sets(particles, split_halves)


def _located(table: ParticleTable) -> Tuple[ParticleTable, Tuple[str, ...], np.ndarray, np.ndarray]:
    """Where the images of a table are.

    Returns
    -------
    tuple
        The table with a number in every image name and a note where another stack may be meant; paths of the stacks; stack of
        each row (N,), image in it (N,) from 0.
    """
    block, finder = table.particles, StackFinder(table.source)
    written = block.strings("rlnImageName")
    names, stack_index, slice_index = split_image_names(written, block.where)
    stacks = tuple(finder.find(name) for name in names)
    numbered = numbered_image_names(written, stacks, stack_index, block.where)
    if numbered != written:
        block = block.with_columns(dict(block.columns, rlnImageName=text_column(numbered)))
    doubtful = [(found, other) for found, other in zip(stacks, map(finder.other, names, stacks)) if other]
    notes = (
        [
            f"{table.source}: {doubtful[0][0]} is read, but {doubtful[0][1]} has the same name "
            f"({len(doubtful)} of {len(stacks)} "
            "stacks are in two places); write full paths in rlnImageName if the other is meant"
        ]
        if doubtful
        else []
    )
    return replace(table, particles=block, notes=(*table.notes, *notes)), stacks, stack_index, slice_index


def with_half_sets(particles: ParticleSet, seed: Optional[int]) -> ParticleSet:
    """The particles with half sets drawn when a seed is given and the file does not tell two halves apart."""
    if seed and len(np.unique(particles.half_set)) == 1:
        return draw_half_sets(particles, seed)
    return particles


def write_particles(
    path: FilePath, particles: ParticleSet, extra_columns: Optional[Mapping[str, ArrayLike]] = None, full_paths: bool = False
) -> None:
    """Write particles as RELION 3.1 STAR: what the input file said, with the present poses and half sets.

    Unknown columns, further blocks and all optics groups are kept as text. A stack path that would not be found from
    the new folder becomes absolute.

    Parameters
    ----------
    path : str or Path
    particles : ParticleSet
        Rows are written in this order.
    extra_columns : dict of str to (N,) array, optional
        Further columns, by label; they replace columns of the same name.
    full_paths : bool
        Write the full path of every stack that is there.
    """
    particles = _with_table(path, particles)
    table = particles.table
    block = table.particles.subset(particles.row)
    columns = {label: text for label, text in block.columns.items() if label not in ("rlnOriginX", "rlnOriginY")}
    columns["rlnImageName"] = _image_names(path, particles, block, full_paths)
    changed = dict(zip(table_values.ANGLES, euler_from_rotations(particles.rotations).T))
    changed.update(zip(table_values.ORIGINS, particles.shifts.T))
    if particles.half_set.any():
        changed["rlnRandomSubset"] = particles.half_set
    if particles.scale is not None:
        changed[SCALE_LABEL] = particles.scale
    columns.update(text_columns(dict(changed, **(extra_columns or {}))))
    write_star(path, [table.optics, block.with_columns(columns), *table.others])


def identity_columns(path: FilePath, particles: ParticleSet) -> Dict[str, np.ndarray]:
    """Columns that say which particle a row of the table at ``path`` speaks of: image name and half set, as STAR text."""
    particles = _with_table(path, particles)
    block = particles.table.particles.subset(particles.row)
    return {"rlnImageName": _image_names(path, particles, block), **text_columns({"rlnRandomSubset": particles.half_set})}


def _with_table(path: FilePath, particles: ParticleSet) -> ParticleSet:
    """Particles with a table; those that come from no file get one with names from the folder of ``path``."""
    if particles.table is not None:
        return particles
    particles = _named_from(folder_of(path), particles)
    return replace(particles, table=table_of(particles))


def _named_from(folder: Path, particles: ParticleSet) -> ParticleSet:
    """Particles that come from no file, their stacks relative to ``folder`` where they lie below it."""
    inside = (os.path.relpath(stack, folder) for stack in particles.stacks)
    stacks = tuple(near if not near.startswith("..") else far for near, far in zip(inside, particles.stacks))
    return replace(particles, stacks=stacks, row=np.arange(len(particles)))


def _image_names(path: FilePath, particles: ParticleSet, block: StarBlock, full_paths: bool = False) -> np.ndarray:
    """rlnImageName as text, with the full path of a stack that would not be found from the folder of ``path``, or of all."""
    text, moved, finder = block.columns["rlnImageName"].tolist(), {}, StackFinder(path)
    for position, name in enumerate(block.strings("rlnImageName")):
        index, _, written = name.partition("@")
        stack = particles.stacks[particles.stack_index[position]]
        if written not in moved:
            stays = not os.path.isfile(stack) or (finder.find(written) == stack and not full_paths)
            moved[written] = None if stays else stack + written[len(plain_path(written)) :]
        if moved[written]:
            text[position] = quoted(f"{index}@{moved[written]}")
    return np.array(text, dtype="S")
