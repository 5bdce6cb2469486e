"""Gaussian mixture models on disk: STAR, pseudo-atoms for viewers, and EMAN2's text form."""

import warnings
from typing import Any, Callable, Optional

import gemmi
import numpy as np
from numpy.typing import ArrayLike

from gmmrefine.errors import InputError
from gmmrefine.gmm.model import Gmm
from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.made_from import MadeFrom, declared_for
from gmmrefine.io.particle_table import require
from gmmrefine.io.star import StarBlock, exact_column, read_star, write_star
from gmmrefine.regular_file import FilePath, open_regular

COLUMNS = ("gmmX", "gmmY", "gmmZ", "gmmAmplitude", "gmmWidth")
_PDB_LARGEST_B = 999.99
_PDB_MOST_ATOMS = 99999


def write_gmm(path: FilePath, gmm: Gmm, made_from: Optional[MadeFrom] = None) -> None:
    """Write a GMM as STAR: gmmX gmmY gmmZ (Å from the box centre), gmmAmplitude, gmmWidth (Å).

    ``made_from`` is by default what is declared for the run's folder.
    """
    made_from = made_from or declared_for(path)
    values = (*gmm.centers.T, gmm.amplitudes, gmm.widths)
    table = StarBlock("gmm", {label: exact_column(column) for label, column in zip(COLUMNS, values)})
    write_star(path, [table], str(made_from or ""))


def read_gmm(path: FilePath) -> Gmm:
    """A GMM from the STAR file of ``write_gmm``.

    Raises
    ------
    InputError
        Columns missing, no Gaussians, a width that is not positive.
    """
    block = next(iter(read_star(path).values()))
    require(block, COLUMNS, "the Gaussians (Å from the box centre)")
    if len(block) == 0:
        raise InputError(f"{path}: no Gaussians in it.")
    x, y, z, amplitudes, widths = (block.numbers(label) for label in COLUMNS)
    _require_positive(widths, lambda row: f"{block.where(row)}: gmmWidth")
    return Gmm(np.column_stack([x, y, z]), amplitudes, widths)


def write_gmm_atoms(path: FilePath, gmm: Gmm, box_size: int, voxel_size: float, origin: ArrayLike = (0.0, 0.0, 0.0)) -> None:
    """Write a GMM as pseudo-atoms that lie on the map in a viewer.

    Occupancy is the amplitude relative to the largest, B = 8 π² σ².

    Parameters
    ----------
    path : str or Path
        ``.pdb`` or ``.cif``.
    gmm : Gmm
    box_size : int
        Box of the map in voxels; its centre is voxel ``box_size // 2``.
    voxel_size : float
        Å.
    origin : (3,) float
        x, y, z in Å of the map's first voxel.
    """
    b_factors = 8 * np.pi**2 * gmm.widths**2
    as_pdb = str(path).lower().endswith(".pdb")
    if as_pdb and (b_factors.max() > _PDB_LARGEST_B or len(gmm) > _PDB_MOST_ATOMS):
        raise InputError(
            f"{path}: {len(gmm)} Gaussians, widest {gmm.widths.max():.3g} Å; PDB format holds {_PDB_MOST_ATOMS} atoms "
            f"up to {np.sqrt(_PDB_LARGEST_B / 8) / np.pi:.3g} Å (B = {_PDB_LARGEST_B}). Write .cif instead."
        )
    positions = gmm.centers + box_size // 2 * voxel_size + np.asarray(origin, float)
    occupancies = gmm.amplitudes / np.abs(gmm.amplitudes).max()
    structure = _pseudo_structure(positions, occupancies, b_factors)
    text = structure.make_pdb_string() if as_pdb else structure.make_mmcif_document().as_string()
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write(text)


def write_gmm_eman2(path: FilePath, gmm: Gmm, box_size: int, pixel_size: float) -> None:
    """Write a GMM in EMAN2's text form, five columns x y z amp sigma.

    With L = box_size · pixel_size in Å, a Gaussian of centre (x, y, z), integral m = A (2π)^(3/2) σ³ and width σ
    becomes ``x/L, -y/L, -z/L, sqrt(m / pixel_size³), 2000 π² σ² / L²``: EMAN2 gives it the transform
    amp² exp(-1e-3 sigma k²), k in Fourier pixels.

    Parameters
    ----------
    path : str or Path
    gmm : Gmm
        Å from the box centre.
    box_size : int
        px
    pixel_size : float
        Å/px.

    Raises
    ------
    InputError
        Negative amplitudes, which EMAN2 cannot hold.
    """
    negative = np.flatnonzero(gmm.amplitudes < 0)
    if len(negative):
        raise InputError(
            f"{path}: {len(negative)} of {len(gmm)} Gaussians have negative amplitudes (first: {negative[0] + 1}); "
            f"EMAN2 takes only positive ones. Export to .star or .cif."
        )
    length = box_size * pixel_size
    places = gmm.centers / length * [1, -1, -1]
    values = np.column_stack([places, np.sqrt(gmm.masses / pixel_size**3), 2000 * np.pi**2 * (gmm.widths / length) ** 2])
    with atomic_path(path) as temporary:
        np.savetxt(temporary, values, fmt="%.9g")


def read_gmm_eman2(path: FilePath, box_size: int, pixel_size: float) -> Gmm:
    """A GMM from EMAN2's text form; the inverse of ``write_gmm_eman2``.

    EMAN2 treats a negative amp as 0, and so does this.

    Parameters
    ----------
    path : str or Path
    box_size : int
        Of the map it belongs to, px.
    pixel_size : float
        Å/px.

    Raises
    ------
    InputError
        Not five columns of numbers, or a sigma that is not positive.
    """
    try:
        with open_regular(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files without any row, which are refused below
            values = np.loadtxt(file, ndmin=2)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}). Check the path.") from error
    except ValueError as error:
        raise InputError(f"{path}: not a GMM of EMAN2 ({error}); expected columns x y z amp sigma.") from error
    if values.shape[0] == 0 or values.shape[1] != 5 or not np.isfinite(values).all():
        raise InputError(f"{path}: {values.shape[0]} rows of {values.shape[1]} numbers; expected x y z amp sigma in every row.")
    _require_positive(values[:, 4], lambda row: f"{path}, row {row + 1}: sigma")
    length = box_size * pixel_size
    widths = np.sqrt(values[:, 4] / 2000) / np.pi * length
    masses = np.maximum(values[:, 3], 0) ** 2 * pixel_size**3
    return Gmm(values[:, :3] * [length, -length, -length], masses / (widths * np.sqrt(2 * np.pi)) ** 3, widths)


def _require_positive(values: np.ndarray, where: Callable[[int], str]) -> None:
    bad = np.flatnonzero(values <= 0)
    if len(bad):
        raise InputError(f"{where(bad[0])} is {values[bad[0]]:g}; expected more than 0. Remove this Gaussian.")


def _pseudo_structure(positions: np.ndarray, occupancies: np.ndarray, b_factors: np.ndarray) -> gemmi.Structure:
    chain = gemmi.Chain("A")
    for number, (position, occupancy, b_factor) in enumerate(zip(positions, occupancies, b_factors), 1):
        atom = gemmi.Atom()
        atom.name, atom.element = "C", gemmi.Element("C")
        atom.pos = gemmi.Position(*position)
        atom.occ, atom.b_iso, atom.serial = float(occupancy), float(b_factor), number
        residue = gemmi.Residue()
        residue.name, residue.seqid, residue.het_flag = "GMM", gemmi.SeqId(str(number)), "H"
        residue.add_atom(atom)
        chain.add_residue(residue)
    number_of_model: Any = "1"  # a text before gemmi 0.7, a number since
    model = gemmi.Model(number_of_model)
    model.add_chain(chain)
    structure = gemmi.Structure()
    structure.name = "GMM"
    structure.add_model(model)
    return structure
