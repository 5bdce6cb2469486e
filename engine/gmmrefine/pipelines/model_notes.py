"""What is odd about an atomic model and its place in a map, counted for run.json and said in the same words everywhere."""

import numpy as np

SCORED = {
    "models_left_out": "further models in the file are not scored; only the first is",
    "hydrogens_left_out": "hydrogens are not scored",
    "alternatives": "alternative places of atoms are not scored; of each atom the one of highest occupancy is",
    "atoms_of_zero_occupancy": "atoms have occupancy 0; they are scored like the others",
}
_CHANGES = {
    "freed": "residues that the file has among those of a chain are bonded to none; they count as molecules of their own",
    "joined": "residues that the file has beside the chains are bonded into one; they count as part of it",
    "waters": "residues are an oxygen with two hydrogens; they count as water",
    "elements_guessed": "atoms have no element in the file; it is taken from their names and distances",
    "elements_corrected": "atoms have another element in the file than their residue can have; it is taken from their names",
    "chains_from_segments": "chains have no name in the file; they are called by their segments",
    "virtual_sites": "sites of water models hold no atom and are left out",
}
AS_DENSITY = {
    "models_left_out": "further models in the file have no part in this; only the first has",
    "hydrogens_left_out": "hydrogens of the model have no part in this",
    "alternatives": "alternative places of atoms count as well, each by its occupancy",
    "atoms_of_zero_occupancy": "atoms of the model have occupancy 0: the map is sharpened as if "
    "they were not there. Set it to 1 where they are right",
}
_NAMED = 5  # residues listed on the screen; all are in run.json


def model_counts(atoms, others):
    """What else stands in a model file, was taken otherwise than it says, and atoms without occupancy, for run.json.

    Parameters
    ----------
    atoms : Atoms
    others : LeftOut

    Returns
    -------
    dict
        Numbers; ``read_otherwise``, where there is any, holds number and names of each kind of change.
    """
    changes = {
        kind: {"count": len(names), "names": list(dict.fromkeys(names))} for kind, names in others.changes.items() if names
    }
    return {
        "models_left_out": others.models,
        "hydrogens_left_out": others.hydrogens,
        "alternatives": others.alternatives,
        "atoms_of_zero_occupancy": int(np.sum(atoms.occupancies == 0)),
        **({"read_otherwise": changes} if changes else {}),
    }


def place_counts(atoms, outside, flat):
    """Atoms that a map does not hold and those where it is constant, for run.json.

    Parameters
    ----------
    atoms : Atoms
    outside, flat : (A,) bool

    Returns
    -------
    dict
    """
    return {
        "atoms_outside": int(outside.sum()),
        "residues_outside": list(dict.fromkeys(atoms.residue_label(number) for number in np.flatnonzero(outside))),
        "atoms_in_constant_density": int(flat.sum()),
    }


def notes_on_model(results, words):
    """Sentences on what ``model_counts`` found, list of str; ``words`` are ``SCORED`` or ``AS_DENSITY``."""
    changes = results.get("read_otherwise", {})
    return [f"{results[name]} {text}" for name, text in words.items() if results.get(name)] + [
        f"{changes[kind]['count']} {text}: {some(changes[kind]['names'], '')}"
        for kind, text in _CHANGES.items()
        if kind in changes
    ]


def notes_on_places(results):
    """Sentences on what ``place_counts`` found and on a map ``moved`` by its ``displacement`` in Å, list of str."""
    notes = []
    if results.get("moved"):
        shift = " ".join(f"{value:.2f}" for value in np.round(results["displacement"], 2) + 0.0)
        notes.append(f"moved by {shift} Å (x y z) against the first map; sharp peaks, as of ions, score lower for that alone")
    if results.get("atoms_in_constant_density"):
        notes.append(f"{results['atoms_in_constant_density']} atoms lie in constant density; their Q is 0")
    if results.get("atoms_outside"):
        notes.append(f"{results['atoms_outside']} atoms lie outside the map and have no Q: {some(results['residues_outside'])}")
    return notes


def some(labels, what=" residues"):
    """The first of many residues or others in words."""
    rest = len(labels) - _NAMED
    return ", ".join(labels[:_NAMED]) + (f" and {rest} more{what}" if rest > 0 else "")
