"""The region a focused refinement looks at: a mask, a sphere, or part of an atomic model."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.mrc import read_mask
from gmmrefine.io.selection import selected_atoms
from gmmrefine.maps.mask import mask_around, spherical_mask
from gmmrefine.particles.symmetry import refuse_expanded
from gmmrefine.pipelines.map_inputs import refuse_mask_outside
from gmmrefine.pipelines.start_map_place import first_place_in_box
from gmmrefine.settings import Region, settings_of

_REACH = 2.0  # Å around selected atoms
_WHOLE = 0.9  # of the molecule's mask


@dataclass(frozen=True)
class Masks:
    """The regions of a refinement, the same for both halves.

    Parameters
    ----------
    molecule : (Z, Y, X) float
        Where the GMM may have Gaussians.
    focus : (Z, Y, X) float or None
        Where the refinement looks; None is everywhere.
    level : float
        ``settings.FOCUS_LEVEL``.
    """

    molecule: np.ndarray
    focus: Any = None
    level: float = 1.0

    @property
    def fsc(self):
        """The region (Z, Y, X) in which the half maps are compared."""
        return self.molecule if self.focus is None else self.molecule * self.focus


def has_focus(settings):
    """Whether a region is named."""
    return any(getattr(settings, name) for name in ("focus_mask", "focus_sphere", "focus_model"))


def read_focus(settings, box_size, pixel_size, origin=None):
    """The focus mask (Z, Y, X) that the settings name, or None.

    Parameters
    ----------
    settings : Region, EdgeMade and Placed
    box_size : int
        px
    pixel_size : float
        Å/px.
    origin : (3,) float, optional
        x, y, z in Å of the first voxel in the frame of the focus model; before there are maps that tell it, the first place at
        which the box holds the atoms selected.

    Raises
    ------
    InputError
        Two regions named, a selection without model, or a region outside the box.
    """
    named = [setting for setting in settings_of(Region)[:3] if getattr(settings, setting.name)]
    if len(named) > 1:
        raise InputError(f"{' and '.join(setting.option for setting in named)} name two regions. Give one of them.")
    if settings.focus_selection and not settings.focus_model:
        raise InputError("--focus-selection names part of a model, but there is none. Give it with --focus-model.")
    if not named:
        return None
    if settings.focus_mask:
        return read_mask(settings.focus_mask, box_size, pixel_size)
    if settings.focus_sphere:
        *center, radius = _sphere(settings.focus_sphere)
        mask = spherical_mask(np.array(center) - box_size // 2 * pixel_size, radius, box_size, pixel_size, settings.focus_edge)
        where = f"--focus-sphere '{settings.focus_sphere}'"
    else:
        atoms = read_atoms(settings.focus_model)
        points = atoms.positions[selected_atoms(atoms, settings.focus_selection)]
        points = points - (first_place_in_box(points, box_size, pixel_size, settings) if origin is None else origin)
        where = f"--focus-model {settings.focus_model}"
        _refuse_atoms_outside(points, box_size * pixel_size, where)
        mask = mask_around(points - box_size // 2 * pixel_size, _REACH, box_size, pixel_size, settings.focus_edge)
    if mask.max() < 0.5:
        raise InputError(
            f"{where} lies outside the box, which runs from 0 to {box_size * pixel_size:.0f} Å along each axis, or between two "
            "voxels. Give coordinates in the frame of the map, and a radius of some Å."
        )
    return mask


def _refuse_atoms_outside(points, side, where):
    """Refuse atoms, points (A, 3) in Å from the first voxel, some of which lie outside the box: the mask would lack them."""
    outside = np.sum(np.any((points < 0) | (points >= side), axis=1))
    if outside:
        raise InputError(
            f"{where} lies outside the box with {outside} of {len(points)} atoms selected; the box runs from 0 to {side:.0f} Å "
            "along each axis. Fit the model into a map of these particles, say how that lies by --place-from or --first-voxel, "
            "or select fewer atoms."
        )


def refuse_focus_outside(focus, molecule):
    """Refuse a focus mask (Z, Y, X) that does not lie on the molecule's mask (Z, Y, X)."""
    refuse_mask_outside(focus, molecule, "the focus mask")


def refuse_expanded_without_rest(particles, focus, molecule):
    """Refuse symmetry copies where the focus (Z, Y, X) holds all of the molecule's mask (Z, Y, X): their poses are one pose."""
    if (focus * molecule).sum() > _WHOLE * molecule.sum():
        refuse_expanded(particles, "The focus holds the whole molecule: focus on one unit, or refine the parents.")


def _sphere(text):
    try:
        values = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        values = []
    if len(values) != 4 or not np.isfinite(values).all() or values[3] <= 0:
        raise InputError(f"--focus-sphere '{text}': expected four numbers x y z radius in Å, the radius above 0.")
    return values
