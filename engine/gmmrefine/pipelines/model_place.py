"""How a map lies to an atomic model: one rule for all commands, by looking where the atoms lie."""

import os
from dataclasses import dataclass, replace

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.validation.placement import DensityOfAtoms

MOST_OFF = 0.1  # of the atoms, outside the box or in empty density
_ON_PEAKS = 5.0  # deviations; then the model is in its place, whatever it has that the map does not show
_ON_EITHER_PEAKS = 10.0  # where the solvent, and so the contrast, is mistaken: a map without any, or with a ramp
_EXPLAINED, _MOST_ABSENT = 0.9, 0.5  # or this part of the density lies near atoms, and this part of them in none
_CUT_OUT, _FEWEST_IN_CUT_OUT = 0.5, 50  # of the model outside, atoms inside; fewer lie on some peaks by chance
_AS_GOOD = 0.9  # of the best fit; then the order of the places decides
_SAME = 0.01  # Å
NAMED = "given", "header", "reference"  # places that somebody has put down for the map
_AUTO, _GIVEN = "auto", "given"


@dataclass(frozen=True)
class Place:
    """One way that a map may lie to a model.

    Parameters
    ----------
    choice : str
        Of ``settings.PLACE_FROM``, or ``reference`` for that of another map.
    origin : (3,) float
        x, y, z in Å of the first voxel in the frame of the model.
    words : str
        Where that comes from.
    """

    choice: str
    origin: np.ndarray
    words: str

    def __str__(self):
        return f"{self.words}, first voxel {position_text(self.origin)} Å"


def check_place(settings, maps=1):
    """Refuse a ``first_voxel`` that is no place, does not fit the number of maps, or is not looked at.

    Returns
    -------
    list of (3,) float or None
        Of every map.
    """
    text = settings.first_voxel
    if not (text and text.strip()):
        if settings.place_from == _GIVEN:
            raise InputError("--place-from given: no place is given. Add --first-voxel 'x y z'.")
        return [None] * maps
    if settings.place_from not in (_AUTO, _GIVEN):
        raise InputError(
            f"--first-voxel would have no effect with --place-from {settings.place_from}. Leave out one or the other."
        )
    try:
        # in the precision of a header, so that a place in words and one in a header are the same
        given = [np.array(part.replace(",", " ").split(), np.float32).astype(float) for part in text.split(";")]
    except ValueError:
        given = []
    if len(given) not in (1, maps) or any(len(place) != 3 or not np.isfinite(place).all() for place in given):
        several = f", once or {maps} times separated by semicolons" if maps > 1 else ""
        raise InputError(f"--first-voxel '{text}': expected three numbers x y z in Å{several}.")
    return given if len(given) == maps else given * maps


def places_of(grid, settings, given=None, also=()):
    """The places that a map may have, the likeliest first.

    Parameters
    ----------
    grid : MapGrid
    settings : object
        ``place_from``.
    given : (3,) float, optional
        What ``first_voxel`` says.
    also : sequence of Place
        Further ones for auto.

    Returns
    -------
    list of Place
        One, where the user has chosen.
    """
    by_start = grid.start is not None and np.allclose(grid.origin, grid.start, atol=_SAME)
    shown = "nstart of its header" if by_start else "ORIGIN of its header" if grid.origin.any() else "its header"
    known = {
        "given": None if given is None else Place("given", given, "as given"),
        "header": Place("header", grid.origin, shown),
        "nstart": Place("nstart", np.zeros(3) if grid.start is None else grid.start, "nstart of its header"),
        "corner": Place("corner", np.zeros(3), "corner at 0"),
        "center": Place("center", -(np.array(grid.data.shape[::-1]) // 2) * grid.voxel_sizes, "box centre at 0"),
    }
    if settings.place_from != _AUTO:
        return [known[settings.place_from]]
    likely = [
        known["given"],
        known["header"],
        *also,
        known["nstart"] if grid.start is not None else None,
        known["corner"],
        known["center"],
    ]
    different = []
    for place in likely:
        if place and not any(np.allclose(place.origin, other.origin, atol=_SAME) for other in different):
            different.append(place)
    return different


class PlacedModel:
    """A model looked for in a map at each of its places.

    Parameters
    ----------
    positions : (A, 3) float
        Of its non-hydrogen atoms, Å.
    grid : MapGrid
    places : list of Place
    trusted : sequence of str
        Choices that are taken for 90 % of the atoms in density alone.
    """

    def __init__(self, positions, grid, places, trusted=NAMED):
        self._positions, self._grid, self._places, self._trusted = positions, grid, places, trusted
        self._density = DensityOfAtoms(grid.data, grid.voxel_sizes, len(positions))
        self._looks = [self._density.look(positions - place.origin) for place in places]
        self._number = self._best()
        self.place, self._look = places[self._number], self._looks[self._number]

    def _best(self):
        """Number of the place where the atoms have most density; of places that are as good, or where none fits, the first.

        A place that nobody names is taken only where the model is seen to be in its place: atoms of a small model lie in some
        density or other wherever it is put.
        """
        numbers = range(len(self._places))
        if len(numbers) == 1:
            return 0
        coarse, fine = np.array([(look.coarse_fit, look.fine_fit) for look in self._looks]).T
        left = np.array([self._may_be(number) for number in numbers])
        if not left.any():
            left = np.array([self._is_trusted(number) and self._looks[number].off <= _MOST_ABSENT for number in numbers])
        if not left.any():
            return 0
        left &= coarse >= _AS_GOOD * coarse[left].max()
        left &= fine >= _AS_GOOD * fine[left].max()
        return int(np.argmax(left))

    def _may_be(self, number):
        """Whether a place has no more of the model off the map than may be."""
        if self._is_trusted(number) and self._looks[number].off <= MOST_OFF:
            return True
        return self._is_cut_out(number) or (self._looks[number].outside.mean() <= MOST_OFF and self._is_in_place(number))

    def _is_cut_out(self, number):
        """Whether most of the model lies outside the box, as of a part cut out of a shell, and the rest on the map's peaks."""
        look, points = self._looks[number], self._positions - self._places[number].origin
        inside = ~look.outside
        if inside.sum() < _FEWEST_IN_CUT_OUT or look.outside.mean() <= _CUT_OUT or look.empty[inside].mean() > MOST_OFF:
            return False
        return self._density.peaks(points[inside], look.contrast) >= _ON_PEAKS

    def _is_trusted(self, number):
        return self._places[number].choice in self._trusted

    @property
    def grid(self):
        """The map in the frame of the model, MapGrid."""
        return replace(self._grid, origin=self.place.origin)

    @property
    def found(self):
        """What was found, dict for run.json."""
        return {
            "place": {
                "from": self.place.choice,
                "first_voxel": self.place.origin.tolist(),
                "part_in_density": 1 - self._look.off,
                "atoms_outside_box": int(self._look.outside.sum()),
                "atoms_in_empty_density": int(self._look.empty.sum()),
            }
        }

    def sentence(self, map_name):
        """One line on the place, and what speaks for it."""
        others = [self._share(number) for number in range(len(self._places)) if number != self._number]
        chosen = f"place of {os.path.basename(map_name)}: {self.place}; {_percent(self._look)} of the atoms lie in its density"
        return chosen + (f" ({', '.join(others)})" if others else "")

    def settle(self, model_name, map_name, say, used=None):
        """Say where the map lies, and refuse a model of which more than a tenth lies off it.

        A part that the map does not show is no reason where the rest shows that the model is in its place. Of a model of which
        only some atoms are ``used``, (A,) bool, it is enough when these lie on the map.
        """
        look = self._look
        off = look.outside | look.empty
        if off.mean() <= MOST_OFF or (used is not None and off[used].mean() <= MOST_OFF):
            say(self.sentence(map_name))
        elif look.outside.mean() <= MOST_OFF and self._is_in_place(self._number):
            say(self.sentence(map_name))
            say(
                f"note: {look.empty.sum()} of {len(look.empty)} atoms lie where {os.path.basename(map_name)} shows nothing; as "
                "the others are in their place, these parts are taken for absent from it"
            )
        elif self._is_cut_out(self._number):
            say(self.sentence(map_name))
            say(
                f"note: {look.outside.sum()} of {len(look.outside)} atoms lie outside the box of {os.path.basename(map_name)}; "
                "as the others lie on its peaks, it is taken for a part cut out of what the model describes"
            )
        else:
            raise self._refusal(model_name, map_name)

    def _refusal(self, model_name, map_name):
        look = self._look
        tried = (
            ""
            if len(self._places) == 1
            else (f"; atoms in density at the places tried: {', '.join(map(self._share, range(len(self._places))))}")
        )
        first, last = self._positions.min(axis=0), self._positions.max(axis=0)
        return InputError(
            f"{model_name}: only {(~look.outside & ~look.empty).sum()} of {len(look.empty)} atoms lie inside the map and in "
            f"its density, {look.outside.sum()} lie outside the box and {look.empty.sum()} in empty density; expected at least "
            f"nine tenths. {map_name} holds x y z from {position_text(self.place.origin)} to {position_text(self.grid.last)} Å "
            f"({self.place.words}), the model's atoms lie from {position_text(first)} to {position_text(last)} Å{tried}. Fit "
            "the model into the map and save it again, or say how the map lies by --place-from or --first-voxel."
        )

    def _share(self, number):
        return f"{self._places[number].words}: {_percent(self._looks[number])}"

    def _is_in_place(self, number):
        """Whether atoms lie on the peaks of the map, or near all of its density, so that what it does not show is absent."""
        look, points = self._looks[number], self._positions - self._places[number].origin
        peaks = self._density.peaks(points[~look.outside], look.contrast)
        return (
            peaks >= _ON_PEAKS
            or -peaks >= _ON_EITHER_PEAKS
            or (look.empty.mean() <= _MOST_ABSENT and self._density.explained(points, look.contrast) >= _EXPLAINED)
        )


def place_model(positions, grid, names, settings, say):
    """Find how a map lies to a model, say it, and refuse a model off the map.

    Parameters
    ----------
    positions : (A, 3) float
        Of the non-hydrogen atoms, Å.
    grid : MapGrid
    names : tuple of str
        Model and map, for messages.
    settings : Placed
    say : callable
        Told one line.

    Returns
    -------
    tuple
        The map in the frame of the model, MapGrid; dict for run.json.

    Raises
    ------
    InputError
        More than a tenth of the atoms lies outside the box or in empty density.
    """
    (given,) = check_place(settings)
    placed = PlacedModel(positions, grid, places_of(grid, settings, given))
    placed.settle(*names, say)
    return placed.grid, placed.found


def position_text(position):
    """x y z in words."""
    return " ".join(f"{value:.1f}" for value in np.asarray(position) + 0.0)


def _percent(look):
    return f"{100 * (1 - look.off):.0f} %"
