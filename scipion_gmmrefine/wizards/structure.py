# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What a wizard reads in an atomic model."""

from pwem.convert.atom_struct import AtomicStructHandler


def countHeavyAtoms(fileName):
    """Number of non-hydrogen atoms in the first model of a structure file."""
    handler = AtomicStructHandler()
    handler.read(fileName)
    model = next(iter(handler.getStructure()))
    return sum(atom.element not in ("H", "D") for atom in model.get_atoms())
