"""Small PDB files written atom by atom, and the embedded model with waters."""

import gemmi
import numpy as np
from scipy.spatial import cKDTree

from gmmrefine.io.atoms import embedded_model, read_atoms

_LINE = "{record:<6}{serial:5d} {name:<4}{alternative}{residue:>3} {chain}{number:4d}{insertion}   {x:8.3f}{y:8.3f}{z:8.3f}"
_TAIL = "{occupancy:6.2f}{b:6.2f}          {element:>2}"


def residue(name, chain, number, atoms, record="HETATM", at=(0.0, 0.0, 0.0), insertion=" ", occupancy=1.0, alternative=" "):
    """Lines of one residue.

    Parameters
    ----------
    atoms : str or dict of str to (3,) float
        Atom names, which are then put 1.5 Å apart in a row, or names with places in Å; the element is the first letter of
        a name, or what follows a colon (``MG:MG``).
    at : (3,) float
        Å, added to all places.
    """
    if isinstance(atoms, str):
        atoms = {label: (1.5 * place, 0.0, 0.0) for place, label in enumerate(atoms.split())}
    lines = []
    for serial, (label, place) in enumerate(atoms.items(), 1):
        atom, _, element = label.partition(":")
        element = element or atom[0]
        x, y, z = (shift + value for shift, value in zip(at, place))
        lines.append(
            (_LINE + _TAIL).format(
                record=record,
                serial=serial,
                name=atom if len(element) == 2 or len(atom) == 4 else f" {atom}",
                alternative=alternative,
                residue=name,
                chain=chain,
                number=number,
                insertion=insertion,
                x=x,
                y=y,
                z=z,
                occupancy=occupancy,
                b=20.0,
                element=element,
            )
        )
    return lines


def write_pdb(path, *residues):
    """Write residues (lists of lines) as one file and give its path."""
    path.write_text("\n".join(line for lines in residues for line in lines) + "\nEND\n", encoding="utf-8")
    return path


def zigzag(count):
    """Atom names and places of an unbranched hydrocarbon chain of ``count`` carbons, C1 to Cn."""
    return {f"C{number + 1}": (1.27 * number, 0.82 * (number % 2), 0.0) for number in range(count)}


def write_6msm_with_waters(path, count=6):
    """6MSM and some waters 2.8 to 3.2 Å from its surface."""
    structure, atoms = gemmi.read_structure(embedded_model()), read_atoms(embedded_model())
    tree, rng, placed = cKDTree(atoms.positions), np.random.default_rng(5), []
    while len(placed) < count:
        place = atoms.positions[rng.integers(len(atoms))] + rng.normal(0, 3, 3)
        if 2.8 < tree.query(place)[0] < 3.2 and all(np.linalg.norm(place - other) > 4 for other in placed):
            placed.append(place)
            water, atom = gemmi.Residue(), gemmi.Atom()
            water.name, water.seqid, water.het_flag = "HOH", gemmi.SeqId(2000 + len(placed), " "), "H"
            atom.name, atom.element, atom.pos, atom.occ = "O", gemmi.Element("O"), gemmi.Position(*place), 1.0
            water.add_atom(atom)
            structure[0]["A"].add_residue(water)
    structure.setup_entities()
    structure.make_mmcif_document().write_file(str(path))
    return path


def write_6msm_part(path, first, last):
    """Residues ``first`` to ``last`` of chain A of 6MSM."""
    structure = gemmi.read_structure(embedded_model())
    part = gemmi.Chain("A")
    for one in structure[0]["A"]:
        if first <= one.seqid.num <= last:
            part.add_residue(one)
    model = gemmi.Model("1")
    model.add_chain(part)
    small = gemmi.Structure()
    small.add_model(model)
    small.setup_entities()
    small.make_mmcif_document().write_file(str(path))
    return path
