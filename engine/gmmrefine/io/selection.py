"""Parts of an atomic model, named as a structural biologist writes them."""
import re

import numpy as np

from gmmrefine.errors import InputError

_RANGE = re.compile(r"(-?\d+)(?:-(-?\d+))?$")
_EXAMPLES = "'chain A and 1-200', 'chain A,B', 'residue ATP,MG', 'chain A and 1-200 or chain C'"


def selected_atoms(atoms, text):
    """Which atoms a selection names.

    Terms are ``chain A,B``, residue numbers ``1-200,250`` and ``residue ATP,MG``; ``and`` binds closer than ``or``.

    Parameters
    ----------
    atoms : Atoms
    text : str
        All atoms when empty.

    Returns
    -------
    (A,) bool

    Raises
    ------
    InputError
        Words that are no such term, chains or residues that the model does not have, no atom selected.
    """
    chosen = np.ones(len(atoms), bool)
    if text.strip():
        chosen = np.any([
            np.all([_term(atoms, term.strip(), text) for term in re.split(r"\band\b", part)], axis=0)
            for part in re.split(r"\bor\b", text)], axis=0)
    if not chosen.any():
        raise InputError(f"selection '{text}': no atom of the model is in it. Check chain and residue numbers.")
    return chosen


def _term(atoms, term, text):
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
        first, last = int(match[1]), int(match[2] or match[1])
        numbers |= (atoms.residue_numbers >= first) & (atoms.residue_numbers <= last)
    return numbers


def _named(names, wanted, what, text):
    wanted = [name.strip() for name in wanted.split(",") if name.strip()]
    known = set(names.tolist())
    missing = [name for name in wanted if name not in known]
    if missing or not wanted:
        raise InputError(
            f"selection '{text}': the model has no {what} {', '.join(missing) or '(none named)'}; it has "
            f"{', '.join(sorted(known)[:12])}. Names are case-sensitive.")
    return np.isin(names, wanted)
