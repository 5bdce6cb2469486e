"""RELION particle files (STAR 3.0, 3.1, 5) to particle sets and back."""
import os
from dataclasses import replace

import numpy as np

from gmmrefine.geometry.rotations import euler_from_rotations
from gmmrefine.io import table_values
from gmmrefine.io.grey_columns import SCALE_LABEL, contrast_signs, scales
from gmmrefine.io.particle_table import read_table, require, table_of
from gmmrefine.io.stacks import find_stack, plain_path, split_image_names
from gmmrefine.io.star import folder_of, quoted, text_columns, write_star
from gmmrefine.particles.particle_set import ParticleSet, draw_half_sets


def read_particles(path, split_halves=0):
    """Particles of a RELION STAR file with poses, CTF and half sets.

    Parameters
    ----------
    path : str or Path
        RELION 3.0, 3.1 or 5.
    split_halves : int
        Seed to draw half sets with when the file has none; 0 leaves them unknown.

    Returns
    -------
    ParticleSet
        Its ``table`` keeps the whole file for ``write_particles``.

    Raises
    ------
    InputError
        See ``particles_from_table``.
    """
    return particles_from_table(read_table(path), split_halves)


def particles_from_table(table, split_halves=0):
    """The particle set that a table describes. Stacks are located but not opened, unless the box size is unknown.

    Parameters
    ----------
    table : ParticleTable
    split_halves : int
        Seed, 0 for none.

    Raises
    ------
    InputError
        Columns missing, values that make no sense, more than one pixel size or box, an odd box.
    """
    block = table.particles
    require(block, ("rlnImageName",), "where the images are")
    optics_rows = table.optics_rows()
    names, stack_index, slice_index = split_image_names(block.strings("rlnImageName"), block.where)
    stacks = tuple(find_stack(name, table.source) for name in names)
    rotations = table_values.rotations(block)
    pixel_size = table_values.pixel_size(table, optics_rows)
    ctf, notes = table_values.ctf(table, optics_rows)
    particles = ParticleSet(
        stacks=stacks, stack_index=stack_index, slice_index=slice_index, rotations=rotations,
        shifts=table_values.shifts(block, pixel_size), half_set=table_values.half_sets(block), ctf=ctf,
        box_size=table_values.box_size(table, optics_rows, stacks, stack_index), pixel_size=pixel_size,
        row=np.arange(len(block)), parent=table_values.parents(block),
        contrast_sign=contrast_signs(block), scale=scales(block), table=replace(table, notes=table.notes + notes))
    return with_half_sets(particles, split_halves)


def with_half_sets(particles, seed):
    """The particles with half sets drawn when a seed is given and the file does not tell two halves apart."""
    if seed and len(np.unique(particles.half_set)) == 1:
        return draw_half_sets(particles, seed)
    return particles


def write_particles(path, particles, extra_columns=None):
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
    """
    particles = _with_table(path, particles)
    table = particles.table
    block = table.particles.subset(particles.row)
    columns = {label: text for label, text in block.columns.items() if label not in ("rlnOriginX", "rlnOriginY")}
    columns["rlnImageName"] = _image_names(path, particles, block)
    changed = dict(zip(table_values.ANGLES, euler_from_rotations(particles.rotations).T))
    changed.update(zip(table_values.ORIGINS, particles.shifts.T))
    if particles.half_set.any():
        changed["rlnRandomSubset"] = particles.half_set
    if particles.scale is not None:
        changed[SCALE_LABEL] = particles.scale
    columns.update(text_columns(dict(changed, **(extra_columns or {}))))
    write_star(path, [table.optics, block.with_columns(columns), *table.others])


def identity_columns(path, particles):
    """Columns that say which particle a row of the table at ``path`` speaks of: image name and half set, as STAR text."""
    particles = _with_table(path, particles)
    block = particles.table.particles.subset(particles.row)
    return {"rlnImageName": _image_names(path, particles, block), **text_columns({"rlnRandomSubset": particles.half_set})}


def _with_table(path, particles):
    """Particles with a table; those that come from no file get one with names from the folder of ``path``."""
    if particles.table is not None:
        return particles
    particles = _named_from(folder_of(path), particles)
    return replace(particles, table=table_of(particles))


def _named_from(folder, particles):
    """Particles that come from no file, their stacks relative to ``folder`` where they lie below it."""
    inside = (os.path.relpath(stack, folder) for stack in particles.stacks)
    stacks = tuple(near if not near.startswith("..") else far for near, far in zip(inside, particles.stacks))
    return replace(particles, stacks=stacks, row=np.arange(len(particles)))


def _image_names(path, particles, block):
    """rlnImageName as text, absolute where the stack would not be found from the folder of ``path``."""
    text, moved = block.columns["rlnImageName"].tolist(), {}
    for position, name in enumerate(block.strings("rlnImageName")):
        index, _, written = name.partition("@")
        stack = particles.stacks[particles.stack_index[position]]
        if written not in moved:
            found = not os.path.isfile(stack) or find_stack(written, path) == stack
            moved[written] = None if found else stack + written[len(plain_path(written)):]
        if moved[written]:
            text[position] = quoted(f"{index}@{moved[written]}")
    return np.array(text, dtype="S")
