"""How the maps of particles lie to atomic models: looked for in the start maps, and told to both half sets."""

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.mrc import MapGrid
from gmmrefine.io.selection import selected_atoms
from gmmrefine.pipelines.model_place import MOST_OFF, PlacedModel, check_place, places_of, position_text
from gmmrefine.settings import changed

_MODELS = "model", "focus_model"  # settings that name one


def place_models(volumes, particles, settings, run):
    """Find how the start maps lie to the models that the settings name, and refuse a model that lies off them.

    Where the box holds a model at more than one place, both half sets are told the one that the maps of both decide.

    Parameters
    ----------
    volumes : Halves of (Z, Y, X) float
        Start maps.
    particles : ParticleSet
    settings : object
        Of a refinement or of heterogeneity.
    run : Run

    Returns
    -------
    object
        The settings with ``model_origin`` and ``focus_model_origin``: x, y, z in Å of the first voxel in the frame of each
        model, None where there is none.

    Raises
    ------
    InputError
        More than a tenth of a model lies outside the box or in empty density.
    """
    named = {name: getattr(settings, name, None) for name in _MODELS}
    models = {name: (path, *_atoms_of(path, name, settings)) for name, path in named.items() if path}
    grid = MapGrid(sum(volumes.both()), np.full(3, particles.pixel_size), np.zeros(3))
    places = _places(grid, settings) if models else []
    holding = {
        name: [place for place in places if _holds(place, positions, used, particles)]
        for name, (_, positions, used) in models.items()
    }

    def measure():
        return {name: _looked_for(model, grid, places, run.progress) for name, model in models.items()}

    if any(len(some) > 1 for some in holding.values()):
        found = run.told("place", 0, measure)
    elif run.is_pinned:  # the maps may be half noise, and are not needed
        found = {name: (some or places)[0].origin.tolist() for name, some in holding.items()}
    else:
        found = measure()
    return changed(settings, **{f"{name}_origin": tuple(found[name]) if named[name] else None for name in named})


def _atoms_of(path, name, settings):
    """Positions (A, 3) in Å of a model, and which of its atoms are used, (A,) bool."""
    atoms = read_atoms(path)
    chosen = selected_atoms(atoms, settings.focus_selection) if name == "focus_model" else np.ones(len(atoms), bool)
    return atoms.positions, chosen


def _holds(place, positions, used, particles):
    """Whether the box at a place holds a model, or the part of it that is used."""
    outside = _outside(positions - place.origin, particles.box_size * particles.pixel_size)
    return min(outside.mean(), outside[used].mean()) <= MOST_OFF


def _looked_for(model, grid, places, progress):
    """First voxel, [x, y, z] in Å, in the frame of a model; the whole model tells it, also of a part."""
    path, positions, used = model
    placed = PlacedModel(positions, grid, places)
    placed.settle(path, "the start map", progress.say, used)
    return placed.place.origin.tolist()


def refuse_model_outside(settings, box_size, pixel_size):
    """Refuse a ``model`` that lies outside the box of the particles wherever their maps may lie, before there are any."""
    if not settings.model:
        return
    positions = read_atoms(settings.model).positions
    origin = first_place_in_box(positions, box_size, pixel_size, settings, MOST_OFF)
    outside = _outside(positions - origin, box_size * pixel_size)
    if outside.mean() > MOST_OFF:
        raise InputError(
            f"{settings.model}: {outside.sum()} of {len(outside)} atoms lie outside the box of the particles, which is "
            f"{box_size * pixel_size:.0f} Å wide, be its first voxel or its centre at 0; the atoms lie from "
            f"{position_text(positions.min(axis=0))} to {position_text(positions.max(axis=0))} Å. Fit the model into a map of "
            "these particles and save it again, or say where the map's first voxel is with --first-voxel."
        )


def first_place_in_box(positions, box_size, pixel_size, settings, most_outside=0.0):
    """The first place (3,) in Å at which the box holds all atoms (A, 3) but for some part of them; else the likeliest one."""
    grid = MapGrid(np.broadcast_to(np.float32(0), (box_size,) * 3), np.full(3, pixel_size), np.zeros(3))
    places = _places(grid, settings)
    fitting = [
        place.origin for place in places if _outside(positions - place.origin, box_size * pixel_size).mean() <= most_outside
    ]
    return fitting[0] if fitting else places[0].origin


def _places(grid, settings):
    if settings.place_from == "nstart":
        raise InputError(
            "--place-from nstart: particles have no map's header. Choose auto, corner, center, or given with --first-voxel."
        )
    return places_of(grid, settings, *check_place(settings))


def _outside(points, side):
    """Which points (A, 3) in Å from the first voxel lie outside a box of some side in Å."""
    return np.any((points < 0) | (points >= side), axis=1)
