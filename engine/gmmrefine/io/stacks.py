"""Where the image stacks of a particle file are, and whether they hold what the file says."""
import os
import warnings
from pathlib import Path

import mrcfile
import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.star import folder_of

BYTES_PER_PIXEL = {0: 1, 1: 2, 2: 4, 6: 2, 12: 2}


def search_folders(source):
    """Folders in which the relative stack paths of a particle file are looked up, in this order.

    The file's own folder, the current folder, then every folder above the file (a RELION or cryoSPARC project root).
    """
    own = folder_of(source)
    folders = [own, Path.cwd(), *own.parents]
    return list(dict.fromkeys(folders))


def find_stack(name, source):
    """Absolute path of a stack; in the particle file's folder when it is nowhere to be found.

    Parameters
    ----------
    name : str
        Path as in rlnImageName, without the index; a format suffix (``x.mrc:mrcs``) is allowed.
    source : str or Path
        The particle file.
    """
    for folder in search_folders(source):
        candidate = os.path.normpath(folder / plain_path(name))
        if os.path.isfile(candidate):
            return candidate
    return os.path.normpath(folder_of(source) / plain_path(name))


def plain_path(name):
    """A stack path without the ``:mrcs`` suffix that tells RELION the format."""
    return name[: -len(":mrcs")] if name.endswith(":mrcs") else name


def split_image_names(names, where):
    """Stacks and slices of rlnImageName values (``000012@stack.mrcs``).

    Parameters
    ----------
    names : list of str
    where : callable
        Row number → place in the file, for messages.

    Returns
    -------
    paths : list of str
        Different stacks as written, in order of appearance.
    stack_index, slice_index : (N,) int
        Stack of each particle, and image in it from 0.
    """
    paths = {}
    stack_index, slice_index = np.empty((2, len(names)), int)
    for row, name in enumerate(names):
        index, at, path = name.partition("@")
        if not (at and path and index.isdigit() and int(index) > 0):
            raise InputError(
                f"{where(row)}: rlnImageName is '{name}'; expected an image number from 1, '@' and a stack, such as "
                f"000001@particles.mrcs. Extract the particles into MRC stacks.")
        stack_index[row] = paths.setdefault(path, len(paths))
        slice_index[row] = int(index) - 1
    return list(paths), stack_index, slice_index


def stack_header(path):
    """Layout of an MRC stack from its header.

    Returns
    -------
    mode, images, rows, columns, header_bytes : int

    Raises
    ------
    InputError
        Unreadable, or not an MRC file of mode 0, 1, 2, 6 or 12.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            with mrcfile.open(path, header_only=True, permissive=True) as stack:
                header = stack.header
                layout = [int(header[name]) for name in ("mode", "nz", "ny", "nx", "nsymbt")]
    except OSError as error:
        raise InputError(f"{path}: cannot read the image stack ({error.strerror or error}). Check the path.") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path}: not an MRC stack ({error}). Extract the particles into MRC stacks.") from error
    mode, images, rows, columns, extended = layout
    if mode not in BYTES_PER_PIXEL or min(images, rows, columns) < 1 or extended < 0:
        raise InputError(
            f"{path}: not a readable MRC stack (mode {mode}, {columns}×{rows}×{images}); expected mode 0, 1, 2, 6 "
            f"or 12. Convert it to mode 2.")
    return mode, images, rows, columns, 1024 + extended


def check_stacks(particles):
    """Look once at every stack of a particle set: there, readable, square, of the right box, and complete.

    Only headers and file sizes are read.

    Parameters
    ----------
    particles : ParticleSet

    Raises
    ------
    InputError
        The first stack that cannot be used, with the first row that needs it.
    """
    largest = np.full(len(particles.stacks), -1)
    np.maximum.at(largest, particles.stack_index, particles.slice_index)
    boxes = np.stack([np.full(len(particles.stacks), limit) for limit in (np.iinfo(int).max, 0)])  # smallest and largest
    np.minimum.at(boxes[0], particles.stack_index, particles.image_boxes)
    np.maximum.at(boxes[1], particles.stack_index, particles.image_boxes)
    for number in np.flatnonzero(largest >= 0):
        path = particles.stacks[number]
        if not os.path.isfile(path):
            row = particles.row[np.flatnonzero(particles.stack_index == number)[0]]
            raise InputError(missing_stack(particles.table, row, path))
        mode, images, rows, columns, offset = stack_header(path)
        if not rows == columns == boxes[0, number] == boxes[1, number]:
            raise InputError(
                f"{path}: images are {columns}×{rows} px, but the particles say "
                f"{' and '.join(map(str, np.unique(boxes[:, number])))} px. "
                f"Use the stack that belongs to these particles, or correct rlnImageSize.")
        expected = offset + images * rows * columns * BYTES_PER_PIXEL[mode]
        found = os.path.getsize(path)
        if found < expected:
            raise InputError(
                f"{path}: the stack is truncated: found {found} bytes, expected {expected} for {images} images. "
                f"Copy it again.")
        if largest[number] >= images:
            row = _row_of(particles, (particles.stack_index == number) & (particles.slice_index == largest[number]))
            raise InputError(
                f"{path} has {images} images, but {_source(particles)}, row {row} asks for {largest[number] + 1}. "
                f"Use the stack that belongs to these particles.")


def missing_stack(table, row, path):
    """The line that tells where a stack was looked for; ``row`` counts from 0, ``table`` may be None."""
    if table is None:
        return f"{path}: no such image stack (needed in row {row + 1})."
    name = table.particles.strings("rlnImageName")[row]
    looked = f"looked in {folder_of(table.source)} and the folders above it, and in {Path.cwd()}"
    if os.path.isabs(name.partition("@")[2]):
        looked = "an absolute path"
    return (f"{table.particles.where(row)}: image stack of {name} not found ({looked}). Copy or link it, or correct "
            f"rlnImageName.")


def _row_of(particles, members):
    return int(particles.row[np.flatnonzero(members)[0]]) + 1


def _source(particles):
    return particles.table.source if particles.table is not None else "the particles"
