"""Values of atoms in an atomic model, where Scipion's tools look for them."""
from pwem.convert.atom_struct import NAME, RECIP, SPEC, VALUE, AtomicStructHandler

NO_VALUE = "nan"  # what those tools take for a number that is none


def writeAtomAttribute(source, target, column, name):
    """Copy a column of ``_atom_site`` of an mmCIF file into the category ``_scipion_attributes``.

    Parameters
    ----------
    source, target : str
        mmCIF files, to read and to write.
    column : str
        Such as ``Q_score``.
    name : str
        Of the attribute.

    Notes
    -----
    One row per atom in the order of the atoms, as Scipion's ChimeraX viewer counts on it; alike names of two atoms do no harm.
    """
    handler = AtomicStructHandler()
    content = {key: [value or "?" for value in values] if isinstance(values, list) else values or "?"
               for key, values in handler.readLowLevel(source).items()}  # the writer cannot do empty ones
    values = content[f"_atom_site.{column}"]
    atoms = zip(*(content[f"_atom_site.{key}"] for key in (
        "auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code", "label_atom_id")))
    content[NAME], content[RECIP] = [name] * len(values), ["atoms"] * len(values)
    content[SPEC] = [f"{chain}:{number}{code.strip('?.')}@{atom}" for chain, number, code, atom in atoms]
    content[VALUE] = [NO_VALUE if value == "?" else value for value in values]
    handler._writeLowLevel(target, content)
