"""Attribute files and command scripts for ChimeraX."""

import os
import re
from dataclasses import dataclass
from typing import Iterable, Optional, Sequence, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.atoms import Atoms
from gmmrefine.regular_file import FilePath

_FRAMES_PER_SECOND = 6
_UNSAFE = re.compile(r'["\\\x00-\x1f\x7f]')
_APART = 0.8  # of the box; molecules leave some of it empty


@dataclass(frozen=True)
class Movie:
    """Maps of one half set in the order of their frames.

    Parameters
    ----------
    maps : tuple of str
    level : float
        Contour level.
    morph : str or None
        Model file with one model per frame.
    is_backward : bool
        Play it from the last frame.
    """

    maps: Tuple[str, ...]
    level: float
    morph: Optional[str]
    is_backward: bool


@dataclass(frozen=True)
class Colours:
    """How a model is coloured.

    Parameters
    ----------
    file : str or Path
        Of ``write_attribute``.
    attribute : str
        The name of what it holds.
    palette : str
        ``value,colour`` pairs joined by colons.
    """

    file: FilePath
    attribute: str
    palette: str


def write_attribute(path: FilePath, name: str, atoms: Atoms, values: np.ndarray) -> None:
    """An attribute of atoms (``.defattr``); atoms without a value get none.

    Parameters
    ----------
    path : str or Path
    name : str
        Letters, digits and underscores.
    atoms : Atoms
    values : (A,) float
        NaN for none.
    """
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(f"attribute: {name}\nrecipient: atoms\n")
        for number in np.flatnonzero(~np.isnan(values)):
            residue = f"{atoms.residue_numbers[number]}{atoms.insertion_codes[number]}"
            file.write(f"\t/{atoms.chains[number]}:{residue}@{atoms.names[number]}\t{values[number]:.4f}\n")


def write_script(
    path: FilePath, model: FilePath, colours: Colours, maps: Sequence[FilePath] = (), origins: Sequence[Iterable[float]] = ()
) -> None:
    """A script (``.cxc``) that opens a model and maps and colours the model by an attribute.

    Parameters
    ----------
    path : str or Path
    model : str or Path
        Like all files found by its place relative to the script.
    colours : Colours
    maps : list of str or Path
        Maps to show around it.
    origins : list of (3,) float
        Where the first voxel of each lies in the frame of the model, x y z in Å; where the file says, when not given.
    """
    lines = [f"open {_from_script(path, each)}" for each in (model, colours.file, *maps)]
    lines += [
        f"volume #{number} origin {','.join(f'{value:.3f}' for value in origin)}" for number, origin in enumerate(origins, 2)
    ]
    lines += ["volume style surface transparency 0.7"] if maps else []
    lines += [
        "show atoms",
        "style stick",
        "cartoon",
        f"color byattribute a:{colours.attribute} palette {colours.palette} noValueColor gray",
        f"key {' '.join(pair.split(',')[1] + ':' + pair.split(',')[0] for pair in colours.palette.split(':'))}",
        "view",
    ]
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\n".join(lines) + "\n")


def write_movie(path: FilePath, movies: Sequence[Movie], box: float) -> None:
    """A script (``.cxc``) that plays maps, and models in them, of one or two half sets side by side.

    Parameters
    ----------
    path : str or Path
    movies : list of Movie
        Each with as many frames.
    box : float
        Å, side of the maps.
    """
    count = len(movies[0].maps)
    series = " vseries true" if count > 1 else ""
    lines = [
        f"open {' '.join(_from_script(path, each) for each in (movie.maps[::-1] if movie.is_backward else movie.maps))}{series}"
        for movie in movies
    ]
    morphs = [(movie, movie.morph) for movie in movies if movie.morph]
    lines += [f"open {_from_script(path, morph)} coordsets true" for _, morph in morphs]
    shown = [f"#{number}.1" if count > 1 else f"#{number}" for number in range(1, len(movies) + 1)]
    look = " transparency 0.6" if morphs else ""
    lines += [f"volume {model} style surface level {movie.level:.6g}{look}" for model, movie in zip(shown, movies)]
    if len(movies) > 1:
        second = "#2,4" if morphs else "#2"
        lines.append(f"move x {_APART * box:.1f} models {second}")
    lines.append("view")
    if count > 1:
        every = ",".join(str(number) for number in range(1, len(movies) + 1))
        lines.append(f"vseries play #{every} direction oscillate loop true maxFrameRate {_FRAMES_PER_SECOND}")
        lines += [
            f"coordset #{number} {f'{count},1' if movie.is_backward else f'1,{count}'}"
            for number, (movie, _) in enumerate(morphs, len(movies) + 1)
        ]
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\n".join(lines) + "\n")


def _from_script(script: FilePath, path: FilePath) -> str:
    """A quoted path relative to the folder of a script; one that would end its quotes is refused."""
    refuse_unscriptable([path])
    return f'"{os.path.relpath(os.path.abspath(path), os.path.dirname(os.path.abspath(script)))}"'


def refuse_unscriptable(paths: Iterable[Optional[FilePath]]) -> None:
    """Refuse file names that would end the quotes in a ChimeraX script: what follows would be run as a command.

    Parameters
    ----------
    paths : iterable of str, Path or None
        None and empty ones are passed over.

    Raises
    ------
    InputError
    """
    for path in filter(None, paths):
        if _UNSAFE.search(str(path)):
            raise InputError(
                f"{str(path)!r}: its name has a quote, backslash or line end, which ChimeraX would take for a command in the "
                "scripts written here. Rename the file or its folder."
            )
