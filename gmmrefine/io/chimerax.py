"""Attribute files and command scripts for ChimeraX."""
import os

import numpy as np

from gmmrefine.io.atomic import atomic_path


def write_attribute(path, name, atoms, values):
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
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write(f"attribute: {name}\nrecipient: atoms\n")
        for number in np.flatnonzero(~np.isnan(values)):
            residue = f"{atoms.residue_numbers[number]}{atoms.insertion_codes[number]}"
            file.write(f"\t/{atoms.chains[number]}:{residue}@{atoms.names[number]}\t{values[number]:.4f}\n")


def write_script(path, model, attribute_file, attribute, palette, maps=()):
    """A script (``.cxc``) that opens a model and maps and colours the model by an attribute.

    Parameters
    ----------
    path : str or Path
    model, attribute_file : str or Path
        Like the maps found by their place relative to the script.
    attribute : str
    palette : str
        ``value,colour`` pairs joined by colons.
    maps : list of str or Path
        Maps to show around it.
    """
    folder = os.path.dirname(os.path.abspath(path))
    lines = [f'open "{os.path.relpath(os.path.abspath(each), folder)}"' for each in (model, attribute_file, *maps)]
    lines += ["volume style surface transparency 0.7"] if maps else []
    lines += [
        "show atoms", "style stick", "cartoon",
        f"color byattribute a:{attribute} palette {palette} noValueColor gray",
        f"key {' '.join(pair.split(',')[1] + ':' + pair.split(',')[0] for pair in palette.split(':'))}", "view"]
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
