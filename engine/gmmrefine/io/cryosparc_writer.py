"""Particle sets to cryoSPARC particle files (.cs, and the .csg group beside); conventions are those of ``io.cryosparc``.

The fields are those of files that cryoSPARC's own jobs write; other readers expect them too (pyem takes no poses from a file
without ``alignments3D/class`` and ``class_posterior``).
"""

import os
from dataclasses import replace
from typing import Dict, List, Mapping, Optional, Set

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.geometry.rotations import rotation_vectors
from gmmrefine.io.cryosparc_aberrations import LABELS, aberrations_of_table, cryosparc_from_relion
from gmmrefine.io.cryosparc_fields import UID_LABEL, form_of, hashed, kept_uids, text_field
from gmmrefine.io.cryosparc_file import read_rows, with_fields, write_rows
from gmmrefine.io.cryosparc_group import is_group, write_group
from gmmrefine.io.cryosparc_join import gathered_rows
from gmmrefine.io.cryosparc_locations import location_fields
from gmmrefine.io.cryosparc_template import rows_in_template
from gmmrefine.io.particle_table import table_of
from gmmrefine.io.pose_error_labels import error_fields, of_cryosparc
from gmmrefine.io.stacks import plain_path
from gmmrefine.particles.particle_set import CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED, ParticleSet
from gmmrefine.particles.symmetry import refuse_expanded
from gmmrefine.regular_file import FilePath

_ALIGNMENT = {
    "error": 0,
    "error_min": 0,
    "resid_pow": 0,
    "slice_pow": 0,
    "image_pow": 0,
    "cross_cor": 0,
    "alpha": 1,
    "alpha_min": 0,
    "weight": 0,
    "pose_ess": 0,
    "shift_ess": 0,
    "class_posterior": 1,
    "class": 0,
    "class_ess": 1,
}
_OF_A_POSE = ("split", "shift", "pose", "psize_A", "class", "class_posterior")
_STATES = {CTF_PREMULTIPLIED: "multiplied by the CTF", CTF_PHASE_FLIPPED: "phase-flipped"}
_SAME = 1e-6


def write_cs(
    path: FilePath, particles: ParticleSet, template: Optional[FilePath] = None, flip_coordinate_y: bool = False
) -> List[str]:
    """Write particles as cryoSPARC ``.cs`` with its group ``.csg`` beside, each whole or not at all.

    Parameters
    ----------
    path : str or Path
    particles : ParticleSet
    template : str or Path, optional
        The ``.cs`` file the particles once came from; uids and all fields that say the same are kept, see
        ``cryosparc_template``. Without it cryoSPARC sees new particles, unless the set has kept their uids.
    flip_coordinate_y : bool
        ``location/center_y_frac`` counts from the last row of the micrograph instead of the first.

    Returns
    -------
    list of str
        What a user should know, e.g. that the micrographs' sizes are not known.

    Raises
    ------
    InputError
        Images that are phase-flipped or multiplied by the CTF; aberrations of high order; a particle is not, or more than once,
        in the template; a symmetry-expanded set, whose copies would share a uid.
    """
    if particles.table is None:
        particles = replace(particles, table=table_of(particles), row=np.arange(len(particles)))
    _refuse_states(particles)
    uids = _uids(particles)
    ctf, poses, errors = _ctf(particles), _poses(particles), error_fields(particles.table.particles, particles.row)
    if template:
        known, _ = gathered_rows(template)
        rows = known if is_group(template) else read_rows(template)
        rows = rows[rows_in_template(particles, known, str(template))]
        rows = _with_errors(_updated(rows, {**_sign(particles), **ctf}, poses, particles), errors)
        notes: List[str] = []
    else:
        locations, notes = location_fields(particles, flip_coordinate_y)
        rows = _new_rows({"uid": uids, **_images(particles), **_ctf_of_new(particles), **ctf, **poses, **locations, **errors})
    write_rows(path, rows)
    write_group(path, of_cryosparc(rows.dtype.names), len(rows))
    return notes


def _refuse_states(particles: ParticleSet) -> None:
    for state, what in _STATES.items():
        count = np.count_nonzero(particles.ctf.state == state)
        if count:
            raise InputError(
                f"{particles.table.source or 'particles'}: {count} of {len(particles)} images are {what}, which a .cs file "
                f"cannot say: cryoSPARC would apply the CTF as if they were not. Export to .star, or extract the particles "
                f"without it."
            )


def _uids(particles: ParticleSet) -> np.ndarray:
    """The uid (N,) of every particle: as kept, else made of its image's name."""
    block = particles.table.particles.subset(particles.row)
    if UID_LABEL in block:
        uids = kept_uids(block)
        different, first, count = np.unique(uids, return_index=True, return_counts=True)
        if len(different) == len(uids):
            return uids
    refuse_expanded(particles, "Export the particles that the copies were made from, or to .star.")
    if UID_LABEL in block:
        raise InputError(
            f"{block.where(first[count > 1][0])}: {UID_LABEL} {different[count > 1][0]} stands there more than once. Remove "
            f"the doubled particles."
        )
    places = zip(particles.slice_index, particles.stack_index)
    return hashed(f"{index + 1:06d}@{particles.stacks[stack]}" for index, stack in places)


def _images(particles: ParticleSet) -> Dict[str, np.ndarray]:
    return {
        "blob/path": _paths(particles),
        "blob/idx": particles.slice_index,
        "blob/shape": np.column_stack([particles.image_boxes] * 2),
        "blob/psize_A": particles.image_pixels,
        "blob/sign": np.ones(len(particles)),
        **_sign(particles),
        "blob/import_sig": np.zeros(len(particles), int),
    }


def _paths(particles: ParticleSet) -> np.ndarray:
    """Paths (N,) of the stacks in full, as written where they are not there: cryoSPARC's are relative to its project."""
    names = particles.table.particles.subset(particles.row).strings("rlnImageName")
    there = [os.path.isfile(stack) for stack in particles.stacks]
    return text_field(
        [
            particles.stacks[stack] if there[stack] else plain_path(name.partition("@")[2])
            for name, stack in zip(names, particles.stack_index.tolist())
        ]
    )


def _sign(particles: ParticleSet) -> Dict[str, np.ndarray]:
    """``blob/sign`` where the set tells it."""
    return {} if particles.contrast_sign is None else {"blob/sign": particles.contrast_sign}


def _ctf(particles: ParticleSet) -> Dict[str, np.ndarray]:
    """What is known of the optics."""
    table = particles.table
    optics_rows = table.optics_rows()
    aberrations, ctf = cryosparc_from_relion(aberrations_of_table(table, particles.row), particles.ctf)
    return {
        "ctf/accel_kv": ctf.voltage_kv,
        "ctf/cs_mm": ctf.cs_mm,
        "ctf/amp_contrast": ctf.amplitude_contrast,
        "ctf/df1_A": ctf.defocus_u,
        "ctf/df2_A": ctf.defocus_v,
        "ctf/df_angle_rad": np.radians(ctf.defocus_angle),
        "ctf/phase_shift_rad": np.radians(ctf.phase_shift_deg),
        **aberrations,
        "ctf/bfactor": table.numbers("rlnCtfBfactor", optics_rows, default=0)[particles.row],
    }


def _ctf_of_new(particles: ParticleSet) -> Dict[str, np.ndarray]:
    ones = np.ones(len(particles))
    return {
        "ctf/type": text_field(["imported"] * len(ones)),
        "ctf/exp_group_id": particles.table.optics_rows()[particles.row],
        "ctf/scale": ones,
        "ctf/scale_const": 0 * ones,
    }


def _poses(particles: ParticleSet) -> Dict[str, np.ndarray]:
    block, count = particles.table.particles, len(particles)
    fields = {
        "alignments3D/split": np.maximum(particles.half_set - 1, 0),
        "alignments3D/shift": particles.shifts / particles.image_pixels[:, None],
        "alignments3D/pose": rotation_vectors(np.swapaxes(particles.rotations, 1, 2)),
        "alignments3D/psize_A": particles.image_pixels,
        **{f"alignments3D/{name}": np.full(count, value) for name, value in _ALIGNMENT.items()},
    }
    if "rlnClassNumber" in block:
        fields["alignments3D/class"] = np.maximum(block.integers("rlnClassNumber")[particles.row] - 1, 0)
    return fields


def _new_rows(fields: Mapping[str, np.ndarray]) -> np.ndarray:
    """Rows for particles that cryoSPARC does not know yet."""
    columns = {name: values if form_of(name) == "S" else values.astype(form_of(name)) for name, values in fields.items()}
    rows = np.zeros(len(columns["uid"]), [(name, values.dtype, values.shape[1:]) for name, values in columns.items()])
    for name, values in columns.items():
        rows[name] = values
    return rows


def _updated(
    rows: np.ndarray, optics: Mapping[str, np.ndarray], poses: Mapping[str, np.ndarray], particles: ParticleSet
) -> np.ndarray:
    """The template's rows with new poses, and with what else of its slots has changed; equal values keep their bits."""
    known, slots = set(rows.dtype.names), {name.partition("/")[0] for name in rows.dtype.names}
    optics = {
        name: values for name, values in optics.items() if name in known or (name.partition("/")[0] in slots and np.any(values))
    }
    poses = {f"alignments3D/{name}": poses[f"alignments3D/{name}"] for name in _OF_A_POSE}
    kept = known & _untold(particles)
    if "alignments3D/psize_A" in known:
        psize = np.where(rows["alignments3D/psize_A"] > 0, rows["alignments3D/psize_A"], particles.image_pixels).astype(float)
        poses.update({"alignments3D/psize_A": psize, "alignments3D/shift": particles.shifts / psize[:, None]})
    values = {name: column for name, column in {**optics, **poses}.items() if name not in kept}
    rows = with_fields(rows, [(name, form_of(name), column.shape[1:]) for name, column in values.items()])
    for name, column in values.items():
        other = ~np.isclose(rows[name], column, rtol=_SAME, atol=_SAME)
        rows[name][other] = column[other]
    return rows


def _with_errors(rows: np.ndarray, errors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Rows with fields (N, …) for the errors of their poses."""
    rows = with_fields(rows, [(name, form_of(name), values.shape[1:]) for name, values in errors.items()])
    for name, values in errors.items():
        rows[name] = values
    return rows


def _untold(particles: ParticleSet) -> Set[str]:
    """Fields of which the set says nothing."""
    table = particles.table
    labels = {**LABELS, "ctf/bfactor": ("rlnCtfBfactor",), "alignments3D/class": ("rlnClassNumber",)}
    untold = {
        name
        for name, columns in labels.items()
        if not any(label in block for label in columns for block in (table.optics, table.particles))
    }
    return untold | {"alignments3D/class_posterior"} | (set() if particles.half_set.any() else {"alignments3D/split"})
