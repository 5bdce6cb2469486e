"""Atomic models written anew."""
import gemmi

from gmmrefine.io.atomic import atomic_path


def write_moved_atoms(source, path, move):
    """Write a model moved as a whole, e.g. into the frame of a map; first model only.

    Parameters
    ----------
    source : str
        mmCIF or PDB file that was readable before.
    path : str
        mmCIF file to write.
    move : (3,) float
        x, y, z in Å.
    """
    structure = gemmi.read_structure(str(source))
    while len(structure) > 1:
        del structure[1]
    for site in structure[0].all():
        site.atom.pos += gemmi.Position(*move)
    structure.cell = gemmi.UnitCell()  # that of a crystal would not fit the map's frame
    with atomic_path(path) as temporary:
        structure.make_mmcif_document().write_file(temporary)
