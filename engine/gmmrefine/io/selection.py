"""Parts of an atomic model, named as a structural biologist writes them."""

import re
from typing import Optional

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.atoms import Atoms

_RANGE = re.compile(r"(-?\d+)([A-Za-z]?)(?:-(-?\d+)([A-Za-z]?))?$")
_EXAMPLES = "'chain A and 1-200', 'chain A,B', 'residue ATP,MG', 'chain A and 1-200 or chain C'"


def selected_atoms(atoms: Atoms, text: Optional[str]) -> np.ndarray:
    """Which atoms a selection names.

    Terms are ``chain A,B``, residue numbers ``1-200,250`` and ``residue ATP,MG``; ``and`` binds closer than ``or``. A number
    with an insertion code, ``52A``, is that residue; without one it is all of that number, and in a range a code counts as
    the place in the alphabet.

    Parameters
    ----------
    atoms : Atoms
    text : str or None
        None for all atoms.

    Returns
    -------
    (A,) bool

    Raises
    ------
    InputError
        Words that are no such term, chains or residues that the model does not have, no atom selected.
    """
    chosen = np.ones(len(atoms), bool)
    if text and text.strip():
        chosen = np.any(
            [
                np.all([_term(atoms, term.strip(), text) for term in re.split(r"\band\b", part)], axis=0)
                for part in re.split(r"\bor\b", text)
            ],
            axis=0,
        )
    if not chosen.any():
        raise InputError(f"selection '{text}': no atom of the model is in it. Check chain and residue numbers.")
    return chosen


def _term(atoms: Atoms, term: str, text: str) -> np.ndarray:
    kind, _, rest = term.partition(" ")
    if kind == "chain":
        return _named(atoms.chains, rest, "chain", text)
    if kind == "residue":
        return _named(atoms.residue_names, rest, "residue", text)
    numbers = np.zeros(len(atoms), bool)
    for part in term.split(","):
        match = _RANGE.match(part.strip())
        if not match:
            raise InputError(f"selection '{text}': '{term}' is not understood. Expected e.g. {_EXAMPLES}.")
        numbers |= _in_range(atoms, *match.groups())
    return numbers


def _in_range(atoms: Atoms, first: str, first_code: str, last: Optional[str], last_code: Optional[str]) -> np.ndarray:
    """Which atoms (A,) bool lie in a range of residue numbers; ``last`` is None for a single one."""
    if last is None:
        return (atoms.residue_numbers == int(first)) & ((atoms.insertion_codes == first_code) | (first_code == ""))
    above = (atoms.residue_numbers > int(first)) | (
        (atoms.residue_numbers == int(first)) & (atoms.insertion_codes >= first_code)
    )
    below = (atoms.residue_numbers < int(last)) | (
        (atoms.residue_numbers == int(last)) & ((atoms.insertion_codes <= last_code) | (last_code == ""))
    )
    return above & below


def _named(names: np.ndarray, wanted: str, what: str, text: str) -> np.ndarray:
    listed = [name.strip() for name in wanted.split(",") if name.strip()]
    known = set(names.tolist())
    missing = [name for name in listed if name not in known]
    if missing or not listed:
        raise InputError(
            f"selection '{text}': the model has no {what} {', '.join(missing) or '(none named)'}; it has "
            f"{', '.join(sorted(known)[:12])}. Names are case-sensitive."
        )
    return np.isin(names, listed)
