"""Where the image stacks of a particle file are, and whether they hold what the file says."""

import os
import re
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.particle_table import ParticleTable
from gmmrefine.io.star import folder_of
from gmmrefine.particles.particle_set import ParticleSet
from gmmrefine.particles.stack_file import stack_layout
from gmmrefine.regular_file import FilePath

_PROJECT_MARKS = ("default_pipeline.star", ".gui_projectdir")  # RELION leaves them in the folder it is started in
_JOB_FOLDER = re.compile(r"job\d{3,}")  # its jobs are in <project>/<kind of job>/job123
_FORMAT_SUFFIX = re.compile(r":(mrcs?|st|map)$", re.IGNORECASE)
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_LARGEST_NUMBER = 2**31 - 1  # of an image in a stack
_STACK_OF_ONE = ":mrcs"  # with it RELION reads 1@x.mrc


class StackFinder:
    """Looks up the stacks of one particle file.

    A relative path with folders is tried in RELION's project first, from where RELION itself takes it: the folder above the
    file that has RELION's marks or job folders, or the current one where the file lies below it; then beside the file. A name
    without folders is tried beside the file first, where other programs than RELION mean it, and then in the current folder.
    The folders above the file come last. Where the file is a link, each place is followed by that of its target.

    Parameters
    ----------
    source : str or Path
        The particle file.
    """

    def __init__(self, source: FilePath) -> None:
        here, real = Path.cwd(), Path(os.path.realpath(source)).parent
        beside = list(dict.fromkeys([folder_of(source), real]))
        projects = [project for folder in beside for project in _projects_of(folder, here)]
        above = [parent for folder in beside for parent in folder.parents]
        self._beside_first = list(dict.fromkeys([*beside, here, *projects, *above]))
        self._project_first = list(dict.fromkeys([*projects, *beside, here, *above]))
        self._likely = list(dict.fromkeys([*beside, here, *projects]))

    def folders(self, name: str) -> List[Path]:
        """Folders in which a path is looked up, in this order; none for an absolute one."""
        path = plain_path(name)
        if os.path.isabs(path):
            return []
        return self._project_first if os.path.dirname(path) else self._beside_first

    def find(self, name: str) -> str:
        """Absolute path of a stack; beside the particle file when it is nowhere to be found.

        Parameters
        ----------
        name : str
            Path as in rlnImageName, without the index; a format suffix (``x.mrc:mrcs``) is allowed.
        """
        return next(self._found(name, self.folders(name)), os.path.normpath(self._likely[0] / plain_path(name)))

    def other(self, name: str, found: str) -> Optional[str]:
        """Another file of the same name where one is likely to be meant: its path, or none.

        Parameters
        ----------
        name : str
            As of ``find``.
        found : str
            Path that ``find`` gave.
        """
        places = [folder for folder in self.folders(name) if folder in self._likely]
        return next((path for path in self._found(name, places) if not os.path.samefile(path, found)), None)

    def hint(self, name: str) -> str:
        """What stands in the place of a stack that was not found, in words; empty where nothing does."""
        path = plain_path(name)
        for candidate in [os.path.join(folder, path) for folder in self.folders(name)] or [path]:
            if os.path.islink(candidate):
                return f"; {candidate} is a link to {os.path.realpath(candidate)}, which is not there"
            if os.path.isdir(candidate):
                return f"; {candidate} is a folder"
            for suffix in COMPRESSED:
                if os.path.isfile(candidate + suffix):
                    return f"; {candidate}{suffix} is there: unpack it"
        return ""

    @staticmethod
    def _found(name: str, folders: Sequence[Path]) -> Iterator[str]:
        path = plain_path(name)
        for candidate in [os.path.join(folder, path) for folder in folders] or [path]:
            if os.path.isfile(candidate):
                tidy = os.path.normpath(candidate)  # not the same file where '..' follows a link
                yield tidy if os.path.exists(tidy) and os.path.samefile(tidy, candidate) else candidate


def _projects_of(folder: Path, here: Path) -> List[Path]:
    """Folders above ``folder``, or itself, that are RELION's project, surest first."""
    above = [folder, *folder.parents]
    marked = [place for place in above if any((place / mark).exists() for mark in _PROJECT_MARKS)]
    jobs = [job.parent.parent for job in above if _JOB_FOLDER.fullmatch(job.name)]
    return [*marked[:1], *jobs[:1], *([here] if here in above else [])]


def find_stack(name: str, source: FilePath) -> str:
    """Absolute path of a stack as ``StackFinder`` of the particle file ``source`` finds it."""
    return StackFinder(source).find(name)


def plain_path(name: str) -> str:
    """A stack path without the suffix that tells RELION the format (``:mrcs``, ``:mrc``); other colons are the path's own."""
    return _FORMAT_SUFFIX.sub("", name)


def split_image_names(names: Sequence[str], where: Callable[[int], str]) -> Tuple[List[str], np.ndarray, np.ndarray]:
    """Stacks and slices of rlnImageName values (``000012@stack.mrcs``).

    Parameters
    ----------
    names : list of str
        A name without a number is a file of one image and must end in .mrc.
    where : callable
        Row number → place in the file, for messages.

    Returns
    -------
    paths : list of str
        Different stacks as written, in order of appearance.
    stack_index, slice_index : (N,) int
        Stack of each particle, and image in it from 0.
    """
    paths: Dict[str, int] = {}
    stack_index, slice_index = np.empty((2, len(names)), int)
    for row, name in enumerate(names):
        index, at, path = name.partition("@")
        if not at and plain_path(name).lower().endswith(".mrc"):
            index, path = "1", name
        if not (path and index.isascii() and index.isdecimal() and 0 < int(index) <= _LARGEST_NUMBER):
            raise InputError(
                f"{where(row)}: rlnImageName is '{name}'; expected an image number from 1, '@' and a stack, such as "
                f"000001@particles.mrcs. Extract the particles into MRC stacks."
            )
        stack_index[row] = paths.setdefault(path, len(paths))
        slice_index[row] = int(index) - 1
    return list(paths), stack_index, slice_index


def numbered_image_names(
    names: Sequence[str], stacks: Sequence[str], stack_index: np.ndarray, where: Callable[[int], str]
) -> List[str]:
    """Image names of which each has its number: ``x.mrc`` becomes ``000001@x.mrc:mrcs``, as RELION reads it too.

    Parameters
    ----------
    names : list of str
    stacks : sequence of str
        Paths of the files.
    stack_index : (N,) int
        From ``split_image_names``.
    where : callable
        Row number → place in the file, for messages.

    Raises
    ------
    InputError
        A file that must hold one image holds more, or is not there.
    """
    bare = [row for row, name in enumerate(names) if "@" not in name]
    first = {stack_index[row]: row for row in reversed(bare)}
    for stack, row in first.items():
        if not os.path.isfile(stacks[stack]):
            raise InputError(
                f"{where(row)}: rlnImageName {names[row]} has no image number, and {stacks[stack]} is not there to see that "
                "it holds one image. Copy or link it, or write the number, such as 000001@."
            )
        images = stack_layout(stacks[stack]).images
        if images > 1:
            raise InputError(
                f"{where(row)}: rlnImageName {names[row]} does not say which of its {images} images it is; expected a number "
                "and '@' before the path (a volume is no particle image). Extract the particles into MRC stacks."
            )
    numbered = list(names)
    for row in bare:
        numbered[row] = f"000001@{plain_path(names[row])}{_STACK_OF_ONE}"
    return numbered


def stack_header(path: FilePath) -> Tuple[int, int, int, int, int]:
    """Layout of an MRC stack from its header: mode, images, rows, columns, bytes before the first image."""
    layout = stack_layout(path)
    return layout.mode, layout.images, layout.rows, layout.columns, layout.offset


def check_stacks(particles: ParticleSet) -> None:
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
        layout = stack_layout(path)
        if not layout.rows == layout.columns == boxes[0, number] == boxes[1, number]:
            raise InputError(
                f"{path}: images are {layout.columns}×{layout.rows} px, but the particles say "
                f"{' and '.join(map(str, np.unique(boxes[:, number])))} px. "
                f"Use the stack that belongs to these particles, or correct rlnImageSize."
            )
        found = os.path.getsize(path)
        if found < layout.file_bytes:
            raise InputError(
                f"{path}: the stack is truncated: found {found} bytes, expected {layout.file_bytes} for {layout.images} "
                f"images. Copy it again."
            )
        if largest[number] >= layout.images:
            row = _row_of(particles, (particles.stack_index == number) & (particles.slice_index == largest[number]))
            raise InputError(
                f"{path} has {layout.images} images, but {_source(particles)}, row {row} asks for {largest[number] + 1}. "
                f"Use the stack that belongs to these particles."
            )


def missing_stack(table: Optional[ParticleTable], row: int, path: str) -> str:
    """The line that tells where a stack was looked for; ``row`` counts from 0, ``table`` may be None."""
    if table is None:
        return f"{path}: no such image stack (needed in row {row + 1})."
    name = table.particles.strings("rlnImageName")[row]
    finder, written = StackFinder(table.source), name.partition("@")[2] or name
    folders = ", ".join(map(str, finder.folders(written)))
    looked = f"looked in {folders}" if folders else "an absolute path"
    return (
        f"{table.particles.where(row)}: image stack of {name} not found ({looked}{finder.hint(written)}). Copy or link it, "
        "or correct rlnImageName."
    )


def _row_of(particles: ParticleSet, members: np.ndarray) -> int:
    return int(particles.row[np.flatnonzero(members)[0]]) + 1


def _source(particles: ParticleSet) -> str:
    return particles.table.source if particles.table is not None else "the particles"
