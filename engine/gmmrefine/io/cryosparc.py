"""cryoSPARC particle files (.cs, .csg) to particle sets.

A cryoSPARC rotation vector is that of particle → reference, so its matrix is the transpose of RELION's; shifts are
rlnOrigin in pixels of ``alignments3D/psize_A``; half sets, classes and images count from 0, RELION's from 1.
"""

from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.geometry.rotations import euler_from_rotations, rotations_from_vectors
from gmmrefine.io.cryosparc_aberrations import SIZES, columns_as_text, relion_from_cryosparc
from gmmrefine.io.cryosparc_alignments import MOST_PROBABLE, Alignments, alignments_of
from gmmrefine.io.cryosparc_fields import REQUIRED, SIGN_LABEL, SIZE_LABELS, UID_LABEL, finite, paths
from gmmrefine.io.cryosparc_join import gathered_rows
from gmmrefine.io.particle_table import ParticleTable, group_optics
from gmmrefine.io.pose_error_labels import error_columns
from gmmrefine.io.star import StarBlock, text_columns
from gmmrefine.io.star_particles import particles_from_table
from gmmrefine.particles.particle_set import ParticleSet
from gmmrefine.particles.symmetry import COPY_LABEL, PARENT_LABEL
from gmmrefine.regular_file import FilePath

_PLACE = ("location/center_x_frac", "location/center_y_frac", "location/micrograph_shape")


def read_cs(
    path: FilePath,
    passthrough: Optional[FilePath] = None,
    *,
    split_halves: Optional[int] = 0,
    alignment_class: Optional[int] = MOST_PROBABLE,
    flip_coordinate_y: bool = False,
    distance: float = 0.0,
) -> ParticleSet:
    """Particles of a cryoSPARC 3D refinement or classification.

    Parameters
    ----------
    path : str or Path
        ``.cs`` file with images, CTF and 3D alignments, or ``.csg`` file that names such.
    passthrough : str or Path, optional
        Passthrough ``.cs`` of the same job; fields missing from ``path`` are taken from it by uid. Without it such a file is
        looked for beside ``path``.
    split_halves : int
        Seed to draw half sets with when the file has none; 0 leaves them unknown.
    alignment_class : int
        Class from 0 whose poses are taken, for files with poses of several classes; by default each particle's most probable.
    flip_coordinate_y : bool
        ``location/center_y_frac`` counts from the last row of the micrograph instead of the first.
    distance : float
        Å; images of one micrograph whose particles lie nearer show one particle. 0: a tenth of half the box.

    Returns
    -------
    ParticleSet
        Its ``table`` can be written as RELION STAR.

    Raises
    ------
    InputError
        Not a .cs file, no 3D alignments, fields missing, values that make no sense.
    """
    source = str(path)
    rows, notes = gathered_rows(path, passthrough)
    alignments = alignments_of(rows, source, alignment_class)
    missing = [name for name in REQUIRED if name not in rows.dtype.names]
    if missing:
        raise InputError(
            f"{path}: field {', '.join(missing)} is missing. Give the passthrough file of the job (import "
            f"--passthrough) or export the particle group of the job."
        )
    optics, group = _optics(rows, source)
    columns = {
        "rlnImageName": _image_names(rows),
        "rlnOpticsGroup": group,
        **_poses(alignments),
        **_ctf(rows, source),
        **_locations(rows, source, flip_coordinate_y),
        **_identities(rows),
        **error_columns(rows),
    }
    if "blob/sign" in rows.dtype.names:
        columns[SIGN_LABEL] = _contrast_sign(rows, source)
        dark = np.count_nonzero(columns[SIGN_LABEL] < 0)
        notes += (
            (
                f"{source}: blob/sign is -1, a molecule dark in the image, for {dark} of {len(rows)} particles; applied, and "
                f"kept as {SIGN_LABEL}",
            )
            if dark
            else ()
        )
    notes += (alignments.note,) if alignments.note else ()
    block = StarBlock("particles", text_columns(columns), source=source)
    return particles_from_table(ParticleTable(optics, block, source=source, notes=notes), split_halves, distance)


def _optics(rows: np.ndarray, source: str) -> Tuple[StarBlock, np.ndarray]:
    """Optics table, and group (N,) of every particle."""
    names = rows.dtype.names
    traits = {
        "rlnVoltage": rows["ctf/accel_kv"],
        "rlnSphericalAberration": rows["ctf/cs_mm"],
        "rlnAmplitudeContrast": rows["ctf/amp_contrast"],
        "rlnImagePixelSize": rows["blob/psize_A"],
        "rlnImageSize": _square(rows, source),
        "rlnImageDimensionality": np.full(len(rows), 2),
    }
    if "location/micrograph_psize_A" in names and (rows["location/micrograph_psize_A"] > 0).all():
        traits["rlnMicrographPixelSize"] = finite(rows, "location/micrograph_psize_A", source)
    traits.update(_aberrations(rows, source))
    return group_optics(traits, rows["ctf/exp_group_id"] if "ctf/exp_group_id" in names else np.zeros(len(rows), int), source)


def _aberrations(rows: np.ndarray, source: str) -> Dict[str, np.ndarray]:
    """RELION's columns (N,) of the aberrations, as text."""
    used = [name for name in SIZES if name in rows.dtype.names and rows[name].any()]
    if not used:
        return {}
    values = [finite(rows, name, source) for name in (*used, "ctf/accel_kv", "ctf/cs_mm")]
    different, inverse = np.unique(np.column_stack(values), axis=0, return_inverse=True)
    fields, start = {}, 0
    for name in used:
        fields[name] = different[:, start : start + SIZES[name]]
        start += SIZES[name]
    columns = columns_as_text(relion_from_cryosparc(fields, different[:, -2], different[:, -1]))
    return {label: text[inverse.ravel()] for label, text in columns.items()}


def _image_names(rows: np.ndarray) -> List[str]:
    """Images as RELION names them, with a suffix that marks a .mrc file as a stack."""
    names = [path + ":mrcs" if path.endswith(".mrc") else path for path in paths(rows, "blob/path")]
    return [f"{index + 1:06d}@{name}" for index, name in zip(rows["blob/idx"].tolist(), names)]


def _poses(alignments: Alignments) -> Dict[str, np.ndarray]:
    angles = euler_from_rotations(np.swapaxes(rotations_from_vectors(alignments.pose), 1, 2)).T
    origins = alignments.shift.T
    columns = {
        "rlnAngleRot": angles[0],
        "rlnAngleTilt": angles[1],
        "rlnAnglePsi": angles[2],
        "rlnOriginXAngst": origins[0],
        "rlnOriginYAngst": origins[1],
    }
    if alignments.split is not None and len(np.unique(alignments.split)) > 1:
        columns["rlnRandomSubset"] = alignments.split + 1
    if alignments.classes is not None:
        columns["rlnClassNumber"] = alignments.classes + 1
    return columns


def _ctf(rows: np.ndarray, source: str) -> Dict[str, np.ndarray]:
    columns = {
        "rlnDefocusU": rows["ctf/df1_A"],
        "rlnDefocusV": rows["ctf/df2_A"],
        "rlnDefocusAngle": np.degrees(rows["ctf/df_angle_rad"].astype(float)),
    }
    if "ctf/phase_shift_rad" in rows.dtype.names:
        columns["rlnPhaseShift"] = np.degrees(rows["ctf/phase_shift_rad"].astype(float))
    if "ctf/bfactor" in rows.dtype.names and rows["ctf/bfactor"].any():
        columns["rlnCtfBfactor"] = finite(rows, "ctf/bfactor", source)
    return columns


def _locations(rows: np.ndarray, source: str, flip_y: bool) -> Dict[str, Any]:
    """Names and sizes of the micrographs and coordinates in px, as far as the file has them; ``micrograph_shape`` is (y, x)."""
    names, columns = rows.dtype.names, {}
    if "location/micrograph_path" in names:
        columns["rlnMicrographName"] = paths(rows, "location/micrograph_path")
    if all(name in names for name in _PLACE) and (rows["location/micrograph_shape"] > 0).all():
        sizes = finite(rows, "location/micrograph_shape", source)[:, ::-1].T
        x, y = (finite(rows, name, source) for name in _PLACE[:2])
        columns["rlnCoordinateX"], columns["rlnCoordinateY"] = x * sizes[0], (1 - y if flip_y else y) * sizes[1]
        columns.update((label, size.astype(int)) for label, size in zip(SIZE_LABELS, sizes))
    return columns


def _identities(rows: np.ndarray) -> Dict[str, np.ndarray]:
    """Which particle a row is, which it is a symmetry copy of, and which filament it belongs to."""
    names, columns = rows.dtype.names, {}
    if "uid" in names:
        columns[UID_LABEL] = rows["uid"].astype(np.uint64).astype("S")
    if "sym_expand/src_uid" in names and rows["sym_expand/src_uid"].any():
        columns[PARENT_LABEL] = _belonging(rows, "sym_expand/src_uid").astype("S")
        if "sym_expand/idx" in names:
            columns[COPY_LABEL] = rows["sym_expand/idx"].astype(int) + 1
    if "filament/filament_uid" in names and rows["filament/filament_uid"].any():
        columns["rlnHelicalTubeID"] = np.unique(_belonging(rows, "filament/filament_uid"), return_inverse=True)[1] + 1
    return columns


def _belonging(rows: np.ndarray, name: str) -> np.ndarray:
    """Uids (N,) of what rows belong to: each to itself, by its own uid, where the field is 0."""
    uids = rows[name].astype(np.uint64)
    free = np.setdiff1d(np.arange(1, 2 * len(rows) + 1, dtype=np.uint64), uids)[: len(rows)]
    own = rows["uid"] if "uid" in rows.dtype.names else free
    return np.where(uids == 0, own.astype(np.uint64), uids)


def _square(rows: np.ndarray, source: str) -> np.ndarray:
    shape = rows["blob/shape"]
    bad = np.flatnonzero(shape[:, 0] != shape[:, 1])
    if len(bad):
        raise InputError(
            f"{source}, row {bad[0] + 1}: the image is {shape[bad[0], 1]}×{shape[bad[0], 0]} px; expected a square. "
            f"Extract the particles with one box."
        )
    return shape[:, 0].astype(int)


def _contrast_sign(rows: np.ndarray, source: str) -> np.ndarray:
    """+1 or -1 (N,) by which an image is multiplied for a bright molecule."""
    wrong = np.flatnonzero(~np.isin(rows["blob/sign"], (-1, 1)))
    if len(wrong):
        raise InputError(
            f"{source}, row {wrong[0] + 1}: blob/sign is {rows['blob/sign'][wrong[0]]:g} ({len(wrong)} of {len(rows)} rows); "
            f"expected 1 or -1, which says whether the molecule is bright or dark. Set the field."
        )
    return rows["blob/sign"].astype(int)
