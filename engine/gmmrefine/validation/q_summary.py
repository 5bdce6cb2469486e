"""Q-scores summed up by residue, chain and component class, and the Q expected at a resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, List

import numpy as np

from gmmrefine.validation.component_class import (
    CLASSES,
    NUCLEIC_BACKBONE,
    NUCLEOBASE,
    PROTEIN_BACKBONE,
    PROTEIN_SIDE_CHAIN,
)

if TYPE_CHECKING:
    from gmmrefine.io.atoms import Atoms

WINDOW = 11  # residues
POLYMERS = {"protein": (PROTEIN_BACKBONE, PROTEIN_SIDE_CHAIN), "nucleic acid": (NUCLEIC_BACKBONE, NUCLEOBASE)}
_BACKBONE = (PROTEIN_BACKBONE, NUCLEIC_BACKBONE)
_SIDE_CHAIN = (PROTEIN_SIDE_CHAIN, NUCLEOBASE)
# Slope (1/Å) and intercept of the original program, MapQ, fitted to the mean Q of EMDB entries of each kind.
_EXPECTED_TO = 6.0  # Å; the straight lines reach 0 soon after
_EXPECTED = {
    ("protein", 0.6): (-0.1775, 1.1192),
    ("nucleic acid", 0.6): (-0.1377, 0.9973),
    ("protein", 0.4): (-0.1866, 1.1242),
    ("nucleic acid", 0.4): (-0.1465, 0.9436),
}


def expected_q(resolution: float, sigma: float) -> Dict[str, float]:
    """Mean Q of deposited maps at a resolution (Å), by kind of polymer; a dict of str to float, empty beyond 6 Å.

    Parameters
    ----------
    resolution : float
        Å.
    sigma : float
        Å, width of the reference Gaussian.
    """
    return (
        {}
        if resolution > _EXPECTED_TO
        else {kind: slope * resolution + intercept for (kind, width), (slope, intercept) in _EXPECTED.items() if width == sigma}
    )


def resolution_of_q(q: float, sigma: float) -> float:
    """The resolution in Å at which deposited protein has a mean Q; what ``expected_q`` inverts, at least 1 Å.

    Parameters
    ----------
    q : float
    sigma : float
        Å, width of the reference Gaussian; 0.4 or 0.6.
    """
    slope, intercept = _EXPECTED["protein", sigma]
    return max(1.0, (q - intercept) / slope)


@dataclass(frozen=True)
class ResidueScores:
    """Q-scores by residue, in file order; NaN where a residue has no scored atom of the kind.

    Parameters
    ----------
    first_atom : (R,) int
    atoms, atoms_outside : (R,) int
        Scored atoms, and those outside the map.
    backbone, side_chain, mean : (R,) float
        Side chain stands for the base in a nucleotide.
    window : (R,) float
        Mean over 11 residues of the chain, the residue in their middle; fewer at the ends. NaN outside polymers.
    """

    first_atom: np.ndarray
    atoms: np.ndarray
    atoms_outside: np.ndarray
    backbone: np.ndarray
    side_chain: np.ndarray
    mean: np.ndarray
    window: np.ndarray


def residue_scores(values: np.ndarray, classes: np.ndarray, atoms: Atoms) -> ResidueScores:
    """Q-scores by residue.

    Parameters
    ----------
    values : (A,) float
        Q of every atom, NaN outside the map.
    classes : (A,) str
    atoms : Atoms

    Returns
    -------
    ResidueScores
    """
    _, first, residue = np.unique(atoms.residue_index, return_index=True, return_inverse=True)
    backbone, side_chain = np.isin(classes, _BACKBONE), np.isin(classes, _SIDE_CHAIN)
    scored, mean = ~np.isnan(values), _means(values, residue, len(first))
    window, polymer = np.full(len(first), np.nan), (backbone | side_chain)[first]
    for chain in np.unique(atoms.chains[first]):
        members = np.flatnonzero(polymer & (atoms.chains[first] == chain))
        if len(members):  # chains of ligands, waters or sugars have no sequence
            window[members] = _running_mean(mean[members])
    return ResidueScores(
        first,
        np.bincount(residue[scored], minlength=len(first)),
        np.bincount(residue[~scored], minlength=len(first)),
        _means(np.where(backbone, values, np.nan), residue, len(first)),
        _means(np.where(side_chain, values, np.nan), residue, len(first)),
        mean,
        window,
    )


def statistics(values: np.ndarray) -> Dict[str, float]:
    """Count, mean, median and quartiles of the scores (A,) that are not NaN, and how many are.

    Returns
    -------
    dict of str to float
        By STAR label; NaN where nothing was scored.
    """
    scored = values[~np.isnan(values)]
    quartiles = np.percentile(scored, (25, 50, 75)) if len(scored) else [np.nan] * 3
    return {
        "gmmAtoms": len(scored),
        "gmmAtomsOutside": len(values) - len(scored),
        "gmmQMean": scored.mean() if len(scored) else np.nan,
        "gmmQMedian": quartiles[1],
        "gmmQQuartile1": quartiles[0],
        "gmmQQuartile3": quartiles[2],
    }


def present_classes(classes: np.ndarray) -> List[str]:
    """The classes that occur among (A,) str, in the usual order."""
    return [name for name in CLASSES if np.any(classes == name)]


def _means(values: np.ndarray, group: np.ndarray, count: int) -> np.ndarray:
    """Mean (count,) of the values (A,) of each group, NaN left out."""
    scored = ~np.isnan(values)
    members = np.bincount(group[scored], minlength=count)
    total = np.bincount(group[scored], values[scored], minlength=count)
    return np.where(members > 0, total / np.maximum(members, 1), np.nan)


def _running_mean(values: np.ndarray) -> np.ndarray:
    """Mean of the values (R,) up to five places to each side, NaN left out."""
    scored = ~np.isnan(values)
    kernel = np.ones(WINDOW)
    padding = WINDOW // 2
    total = np.convolve(np.pad(np.where(scored, values, 0), padding), kernel, mode="valid")
    members = np.convolve(np.pad(scored.astype(float), padding), kernel, mode="valid")
    return np.where(members > 0.5, total / np.maximum(members, 1), np.nan)
