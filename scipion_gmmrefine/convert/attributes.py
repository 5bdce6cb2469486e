# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Values of atoms in an atomic model, where Scipion's tools look for them."""

from pwem.convert.atom_struct import NAME, RECIP, SPEC, VALUE, AtomicStructHandler

NO_VALUE = "nan"  # what those tools take for a number that is none


def writeAtomAttributes(source, target, names):
    """Copy columns of ``_atom_site`` of an mmCIF file into the category ``_scipion_attributes``.

    Parameters
    ----------
    source, target : str
        mmCIF files, to read and to write.
    names : sequence of str
        Of the columns, such as ``Q_score``, and of their attributes.

    Notes
    -----
    One row per attribute and atom in the order of the atoms, as Scipion's ChimeraX viewer counts on it; alike names of two
    atoms do no harm.
    """
    handler = AtomicStructHandler()
    content = {
        key: [value or "?" for value in values] if isinstance(values, list) else values or "?"
        for key, values in handler.readLowLevel(source).items()
    }  # the writer cannot do empty ones
    atoms = zip(
        *(content[f"_atom_site.{key}"] for key in ("auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code", "label_atom_id"))
    )
    specs = [f"{chain}:{number}{code.strip('?.')}@{atom}" for chain, number, code, atom in atoms]
    content[NAME] = [name for name in names for _ in specs]
    content[RECIP], content[SPEC] = ["atoms"] * len(content[NAME]), specs * len(names)
    content[VALUE] = [NO_VALUE if value == "?" else value for name in names for value in content[f"_atom_site.{name}"]]
    handler._writeLowLevel(target, content)
