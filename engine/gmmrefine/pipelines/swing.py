"""Domains of a simulated molecule that swing about hinges, each particle at its own angles."""

import re
from dataclasses import dataclass
from typing import Tuple

import numpy as np
from scipy.spatial import cKDTree

from gmmrefine.errors import InputError
from gmmrefine.geometry.rotations import rotations_from_vectors
from gmmrefine.io.selection import selected_atoms

_HINGE_ATOMS = 20  # of the domain, those nearest to the rest
_SHORTEST_LEVER = 1e-2  # Å
_NUMBER = r"\d+(?:\.\d+)?"
_ANGLES = re.compile(rf"(-?{_NUMBER})\.\.(-?{_NUMBER})$|({_NUMBER})$|(-?{_NUMBER}(?:,\s*-?{_NUMBER})+)$")


@dataclass(frozen=True)
class Swing:
    """A rigid domain and how far it swings.

    Parameters
    ----------
    members : (G,) bool
        Atoms of the domain.
    hinge : (3,) float
        x, y, z in Å from the box centre.
    axis : (3,) float
        Unit vector.
    lowest, highest : float
        Degrees; the angle is uniform between.
    states : tuple of float
        Degrees; where there are any, the angle is one of these, all equally likely.
    """

    members: np.ndarray
    hinge: np.ndarray
    axis: np.ndarray
    lowest: float
    highest: float
    states: Tuple[float, ...] = ()

    def angles(self, count, rng):
        """Angles (count,) in degrees of as many particles."""
        if self.states:
            return rng.choice(self.states, count)
        return rng.uniform(self.lowest, self.highest, count)

    def poses(self, particles, angles):
        """The particles posed for the domain: a reference of the domain at angle 0 explains its part of the images.

        Parameters
        ----------
        particles : ParticleSet
            At the poses of the body, rotations A and shifts s.
        angles : (N,) float
            Degrees.

        Returns
        -------
        ParticleSet
            With x → S (x - h) + h in the domain: rotations A S, shifts s - A (h - S h).
        """
        swing = rotations_from_vectors(np.radians(angles)[:, None] * self.axis)
        move = self.hinge - swing @ self.hinge
        shifts = particles.shifts - np.einsum("nij,nj->ni", particles.rotations[:, :2], move)
        return particles.with_poses(particles.rotations @ swing, shifts)


def read_swings(text, atoms, positions, only_first=False):
    """Swings from text such as ``chain A and 367-640: 8; chain A and 1208-1440: 0..20``.

    The hinge lies in the middle of the atoms named after ``about``, else where the domain is nearest to the rest; the axis is
    across the lever from there to the domain's centre.

    Parameters
    ----------
    text : str
        Selection, ``about`` and selection of the hinge if wanted, and largest angle, range of angles, or list of angles in
        degrees; domains separated by semicolons.
    atoms : Atoms
    positions : (n·A, 3) float
        Å from the box centre, of all copies; the domains of every copy swing on their own.
    only_first : bool
        The other copies stay.

    Returns
    -------
    list of Swing

    Raises
    ------
    InputError
        Text not understood, domains that overlap, nothing left that does not swing.
    """
    taken, swings = np.zeros(len(positions), bool), []
    for part in text.split(";"):
        selection, _, angles = part.rpartition(":")
        match = _ANGLES.match(angles.strip())
        if not match or not selection.strip():
            raise InputError(
                f"--swing '{part.strip()}': expected a selection and an angle in degrees, e.g. 'chain A and 367-640: 8', "
                "'chain A and 367-640: 0..20' or 'chain A and 367-640: 0,20'."
            )
        limits = _limits_and_states(match)
        domain, _, about = selection.partition(" about ")
        chosen = selected_atoms(atoms, domain)
        named = selected_atoms(atoms, about) if about else None
        for copy in range(1 if only_first else len(positions) // len(atoms)):
            own = positions[copy * len(atoms) : (copy + 1) * len(atoms)]
            members = np.zeros(len(positions), bool)
            members[copy * len(atoms) : (copy + 1) * len(atoms)] = chosen
            if (members & taken).any():
                raise InputError(f"--swing '{text}': an atom is in two domains. Name domains that do not overlap.")
            taken |= members
            if chosen.all():
                raise InputError(f"--swing '{text}': a domain is the whole molecule. Leave out a body for it to swing against.")
            hinge = _nearest_atoms(own[chosen], own[~chosen]) if named is None else own[named]
            swings.append(Swing(members, *_hinge_and_axis(own[chosen], hinge), *limits))
    if taken.all():
        raise InputError(f"--swing '{text}': the domains are the whole molecule. Leave out a body for them to swing against.")
    return swings


def _limits_and_states(match):
    """Lowest and highest angle, and the states if only these occur."""
    if match[4]:
        states = tuple(float(text) for text in match[4].split(","))
        return min(states), max(states), states
    limits = (-float(match[3]), float(match[3])) if match[3] else (float(match[1]), float(match[2]))
    return (*limits, ())


def _nearest_atoms(domain, rest):
    """Those atoms of a domain (D, 3) that are nearest to the rest (R, 3)."""
    return domain[np.argsort(cKDTree(rest).query(domain)[0])[:_HINGE_ATOMS]]


def _hinge_and_axis(domain, atoms):
    """The middle of a hinge's atoms, and the axis about which a domain (D, 3) swings there."""
    hinge = atoms.mean(axis=0)
    lever = domain.mean(axis=0) - hinge
    axis = np.cross(lever, [0.0, 0.0, 1.0])
    if np.linalg.norm(axis) < _SHORTEST_LEVER:
        axis = np.array([1.0, 0.0, 0.0])
    return hinge, axis / np.linalg.norm(axis)
