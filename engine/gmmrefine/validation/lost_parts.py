"""Parts of residues that a modified map has lost: an iron of a haem, a phosphate, half a lipid, a side chain.

Atoms that fell are put together along the bonds; what is large enough for the resolution to show is a lost part. The
resolution is that of the part itself in the reference map, from its Q there, but no finer than that of the whole map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, List

import gemmi
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gmmrefine.validation.atom_amplitudes import atom_amplitudes
from gmmrefine.validation.audit import LOST_DENSITY, LOST_Q, RESOLVED_DENSITY, RESOLVED_Q, Pair, atom_changes
from gmmrefine.validation.q_summary import resolution_of_q

if TYPE_CHECKING:
    from gmmrefine.io.atoms import Atoms

_BOND_TOLERANCE, _LONGEST_BOND = 0.45, 3.2  # Å above the sum of covalent radii; Å at most
_LEAST_FALL, _DEVIATIONS = 0.2, 4.0  # of Q of an atom: at least, and in deviations of the polymer's own changes
_DENSITY_LEFT = 0.6  # of an atom's in the reference, at most
_OWN_LEFT, _LEAST_OWN_FALL = 0.35, 0.5  # of an atom's own amplitude: part that is left, and fall, 1 being that of most atoms
_ALSO_FALL, _ALSO_DEVIATIONS = 0.15, 2.0  # of Q, where its own amplitude fell
_LIGHT_ATOM = 7.0  # electrons; an iron shows as far as a group of light atoms of as many
_ATOM_VOLUME = 17.5  # Å³ of a light atom in a molecule; a cube of the resolution holds the atoms that show as one


@dataclass(frozen=True)
class LostPart:
    """A part of a residue that is lost.

    Parameters
    ----------
    atoms : (P,) int
        Numbers in the model.
    of : int
        Number of atoms of the residue.
    q_reference, q : float
        Mean of the atoms in the reference and in the modified map.
    density_reference, density : float
        In units of the polymer's.
    """

    atoms: np.ndarray
    of: int
    q_reference: float
    q: float
    density_reference: float
    density: float

    @property
    def is_whole(self) -> bool:
        """Whether the whole residue is lost."""
        return len(self.atoms) == self.of


def lost_parts(
    atoms: Atoms, classes: np.ndarray, scores: Pair, levels: Pair, sigma: float, *, finest: float = 0.0
) -> List[LostPart]:
    """The lost parts of all residues, in the order of the model.

    An atom fell when its Q fell, beyond the polymer's median, by more than 0.2 and than four deviations of the polymer's own
    changes, less than 0.6 of its density is left, and less than a third of its Q or a quarter of its density. It also fell when
    less than 0.35 of its own amplitude is left, what its neighbours lend it set apart, the fall is more than 0.5 and than four
    deviations, and its Q fell by more than 0.15 and two deviations. Atoms that fell belong together when they are bonded or
    bonded to one atom.

    Parameters
    ----------
    atoms : Atoms
    classes : (A,) str
    scores, levels : pair of (A,) float
        Q, and density in units of the polymer's: in the reference and in the modified map.
    sigma : float
        Å, of the Q-scores.
    finest : float
        Å, resolution of the reference map against the model: no part is better resolved, whatever its Q, which noise raises.

    Returns
    -------
    list of LostPart
    """
    before, after = scores
    fell = _fell(atoms, classes, scores, levels)
    numbers = np.flatnonzero(fell)
    if not len(numbers):
        return []
    _, residue, sizes = np.unique(atoms.residue_index, return_inverse=True, return_counts=True)
    group = _together(atoms, fell)[numbers]
    parts = []
    for each in np.unique(group):
        members = numbers[group == each]
        q, weight = before[members].mean(), atoms.atomic_numbers[members].sum() / _LIGHT_ATOM
        if weight >= max(resolution_of_q(q, sigma), finest) ** 3 / _ATOM_VOLUME:
            parts.append(
                LostPart(
                    members,
                    int(sizes[residue[members[0]]]),
                    float(q),
                    float(after[members].mean()),
                    float(levels[0][members].mean()),
                    float(levels[1][members].mean()),
                )
            )
    return sorted(parts, key=lambda part: part.atoms[0])


def _fell(atoms: Atoms, classes: np.ndarray, scores: Pair, levels: Pair) -> np.ndarray:
    """Which atoms fell, (A,) bool; arguments as of ``lost_parts``."""
    before, after = scores
    change = after - before
    typical, deviation = atom_changes(change, classes)
    own, own_left = (atom_amplitudes(atoms.positions, atoms.atomic_numbers, level) for level in levels)
    own_typical, own_deviation = atom_changes(own_left - own, classes)
    with np.errstate(invalid="ignore", divide="ignore"):
        plainly = (
            (change < typical - max(_LEAST_FALL, _DEVIATIONS * deviation))
            & ((after < LOST_Q * before) | (levels[1] < LOST_DENSITY * levels[0]))
            & (levels[1] < _DENSITY_LEFT * levels[0])
        )
        of_its_own = (
            (own_left < _OWN_LEFT * own)
            & (own_left - own < own_typical - max(_LEAST_OWN_FALL, _DEVIATIONS * own_deviation))
            & (change < typical - max(_ALSO_FALL, _ALSO_DEVIATIONS * deviation))
            & (levels[1] < levels[0])
        )
        return (plainly | of_its_own) & (before >= RESOLVED_Q) & (levels[0] >= RESOLVED_DENSITY)


def _together(atoms: Atoms, fell: np.ndarray) -> np.ndarray:
    """Number of the group (A,) of each atom: atoms that fell, bonded to one another or to one atom of their residue."""
    pairs = bonds_within_residues(atoms)
    count = len(atoms)
    bonded = coo_matrix((np.ones(len(pairs)), pairs.T), (count, count)).tocsr()
    bonded = bonded + bonded.T
    near = bonded + bonded @ bonded
    chosen = np.flatnonzero(fell)
    group = np.full(count, -1)
    group[chosen] = connected_components(near[chosen][:, chosen], directed=False)[1]
    return group


def bonds_within_residues(atoms: Atoms) -> np.ndarray:
    """Pairs (B, 2) of atoms of one residue that are bonded, by distance and covalent radii."""
    pairs = cKDTree(atoms.positions).query_pairs(_LONGEST_BOND, output_type="ndarray")
    pairs = pairs[atoms.residue_index[pairs[:, 0]] == atoms.residue_index[pairs[:, 1]]]
    radii = {name: gemmi.Element(name).covalent_r for name in set(atoms.elements.tolist())}
    radius = np.array([radii[name] for name in atoms.elements.tolist()])
    length = np.linalg.norm(atoms.positions[pairs[:, 0]] - atoms.positions[pairs[:, 1]], axis=1)
    return pairs[length <= radius[pairs].sum(axis=1) + _BOND_TOLERANCE]
