"""cryoSPARC particle files (.cs) to particle sets and back.

A cryoSPARC rotation vector is that of particle → reference, so its matrix is the transpose of RELION's; shifts are
rlnOrigin in pixels of ``alignments3D/psize_A``; the split counts from 0, RELION's from 1.
"""
import hashlib
import io
import os

import numpy as np
from numpy.lib import recfunctions

from gmmrefine.errors import InputError
from gmmrefine.geometry.rotations import euler_from_rotations, rotation_vectors, rotations_from_vectors
from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.particle_table import ParticleTable, group_optics
from gmmrefine.io.stacks import plain_path
from gmmrefine.io.star import StarBlock, text_columns
from gmmrefine.io.star_particles import particles_from_table
from gmmrefine.particles.symmetry import refuse_expanded

_IMAGES = ("blob/path", "blob/idx", "blob/shape", "blob/psize_A")
_CTF = ("ctf/accel_kv", "ctf/cs_mm", "ctf/amp_contrast", "ctf/df1_A", "ctf/df2_A", "ctf/df_angle_rad")
_POSES = ("alignments3D/pose", "alignments3D/shift", "alignments3D/psize_A")
_ABERRATIONS = ("ctf/tilt_A", "ctf/trefoil_A", "ctf/tetra_A", "ctf/anisomag", "ctf/shift_A")


def read_cs(path, passthrough=None, split_halves=0):
    """Particles of a cryoSPARC 3D refinement.

    Parameters
    ----------
    path : str or Path
        ``.cs`` file with images, CTF and 3D alignments.
    passthrough : str or Path, optional
        Passthrough ``.cs`` of the same job; fields missing from ``path`` are taken from it by uid.
    split_halves : int
        Seed to draw half sets with when the file has none; 0 leaves them unknown.

    Returns
    -------
    ParticleSet
        Its ``table`` can be written as RELION STAR.

    Raises
    ------
    InputError
        Not a .cs file, no 3D alignments, fields missing, values that make no sense.
    """
    rows = _load(path)
    if passthrough:
        rows = _joined(rows, _load(passthrough), path, passthrough)
    if _POSES[0] not in rows.dtype.names:
        only_2d = any(name.startswith("alignments2D/") for name in rows.dtype.names)
        found = "2D alignments only" if only_2d else "no alignments"
        raise InputError(
            f"{path}: {found}; expected alignments3D/pose. Take the particles of a 3D refinement"
            + (" (its passthrough file does not hold the poses)." if "passthrough" in str(path) else "."))
    missing = [name for name in (*_IMAGES, *_CTF, *_POSES) if name not in rows.dtype.names]
    if missing:
        raise InputError(
            f"{path}: field {', '.join(missing)} is missing. Give the passthrough file of the job (--passthrough) "
            f"or export the particle group of the job.")
    return particles_from_table(_table(rows, str(path)), split_halves)


def write_cs(path, particles, template=None):
    """Write particles as cryoSPARC ``.cs``, whole or not at all.

    Parameters
    ----------
    path : str or Path
    particles : ParticleSet
    template : str or Path, optional
        The ``.cs`` file the particles once came from; uids and all other fields are kept, rows are found by image.
        Without it uids are made from the image names, and cryoSPARC sees new particles.

    Raises
    ------
    InputError
        A particle is not, or more than once, in the template; a symmetry-expanded set, whose copies would share a uid.
    """
    refuse_expanded(particles, "Export the particles that the copies were made from, or to .star.")
    if template:
        rows = _load(template)
        rows = rows[_rows_in_template(particles, rows, template)]
    else:
        rows = _new_rows(particles)
    rows = _with_fields(rows, [("alignments3D/split", "<u4"), ("alignments3D/shift", "<f4", (2,)),
                               ("alignments3D/pose", "<f4", (3,)), ("alignments3D/psize_A", "<f4")])
    psize = rows["alignments3D/psize_A"]
    psize[psize <= 0] = particles.image_pixels[psize <= 0]
    rows["alignments3D/pose"] = rotation_vectors(np.swapaxes(particles.rotations, 1, 2))
    rows["alignments3D/shift"] = particles.shifts / psize[:, None]
    if particles.half_set.any():
        rows["alignments3D/split"] = particles.half_set - 1
    buffer = io.BytesIO()  # NumPy's own writing to a file hides the reason when the disk is full
    np.save(buffer, rows, allow_pickle=False)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(buffer.getbuffer())


def _load(path):
    try:
        rows = np.load(path, allow_pickle=False)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}). Check the path.") from error
    except (ValueError, EOFError) as error:
        raise InputError(f"{path} is not a whole cryoSPARC .cs file ({error}). Copy it again.") from error
    if not isinstance(rows, np.ndarray) or rows.dtype.names is None:
        raise InputError(f"{path} is not a cryoSPARC .cs file: it holds no table of fields.")
    if len(rows) == 0:
        raise InputError(f"{path} is empty. Select particles before this step.")
    return rows


def _joined(rows, further, path, passthrough):
    """``rows`` with the fields that only ``further`` has, matched by uid."""
    order = np.argsort(further["uid"], kind="stable")
    position = np.searchsorted(further["uid"], rows["uid"], sorter=order)
    position = order[np.minimum(position, len(order) - 1)]
    lost = np.flatnonzero(further["uid"][position] != rows["uid"])
    if len(lost):
        raise InputError(
            f"{path}, row {lost[0] + 1}: uid {rows['uid'][lost[0]]} is not in {passthrough} ({len(lost)} of {len(rows)}"
            f" are not). Give the passthrough file of the same job.")
    new = [name for name in further.dtype.names if name not in rows.dtype.names]
    rows = _with_fields(rows, [(name, further.dtype[name]) for name in new])
    for name in new:
        rows[name] = further[name][position]
    return rows


def _table(rows, source):
    """The rows as a RELION table."""
    names = rows.dtype.names
    group_ids = rows["ctf/exp_group_id"] if "ctf/exp_group_id" in names else np.zeros(len(rows), int)
    optics, group = group_optics({
        "rlnVoltage": rows["ctf/accel_kv"], "rlnSphericalAberration": rows["ctf/cs_mm"],
        "rlnAmplitudeContrast": rows["ctf/amp_contrast"], "rlnImagePixelSize": rows["blob/psize_A"],
        "rlnImageSize": _square(rows, source), "rlnImageDimensionality": np.full(len(rows), 2)}, group_ids, source)
    rotations = np.swapaxes(rotations_from_vectors(_finite(rows, "alignments3D/pose", source)), 1, 2)
    angles = euler_from_rotations(rotations).T
    origins = (_finite(rows, "alignments3D/shift", source) * rows["alignments3D/psize_A"][:, None].astype(float)).T
    paths = _relion_paths(rows["blob/path"])
    columns = {
        "rlnImageName": [f"{index + 1:06d}@{path}" for index, path in zip(rows["blob/idx"].tolist(), paths)],
        "rlnOpticsGroup": group, "rlnAngleRot": angles[0], "rlnAngleTilt": angles[1], "rlnAnglePsi": angles[2],
        "rlnOriginXAngst": origins[0], "rlnOriginYAngst": origins[1],
        "rlnDefocusU": rows["ctf/df1_A"], "rlnDefocusV": rows["ctf/df2_A"],
        "rlnDefocusAngle": np.degrees(rows["ctf/df_angle_rad"].astype(float))}
    if "ctf/phase_shift_rad" in names:
        columns["rlnPhaseShift"] = np.degrees(rows["ctf/phase_shift_rad"].astype(float))
    if "alignments3D/split" in names and len(np.unique(rows["alignments3D/split"])) > 1:
        columns["rlnRandomSubset"] = rows["alignments3D/split"].astype(int) + 1
    if "alignments3D/class" in names:
        columns["rlnClassNumber"] = rows["alignments3D/class"].astype(int) + 1
    columns.update(_locations(rows))
    sign = _contrast_sign(rows, source)
    return ParticleTable(optics, StarBlock("particles", text_columns(columns), source=source), source=source,
                         notes=_notes(rows, sign, source), contrast_sign=sign)


def _relion_paths(paths):
    """Paths as RELION wants them: without cryoSPARC's '>' and with a suffix that marks a .mrc file as a stack."""
    plain = [path.decode("utf-8", "surrogateescape").lstrip(">") for path in paths.tolist()]
    return [path + ":mrcs" if path.endswith(".mrc") else path for path in plain]


def _locations(rows):
    """Micrograph names and coordinates in px, when the file has them; ``micrograph_shape`` is (y, x)."""
    columns = {}
    if "location/micrograph_path" in rows.dtype.names:
        columns["rlnMicrographName"] = [path.decode().lstrip(">") for path in rows["location/micrograph_path"].tolist()]
    if "location/center_x_frac" in rows.dtype.names and "location/micrograph_shape" in rows.dtype.names:
        shape = rows["location/micrograph_shape"].astype(float)
        columns["rlnCoordinateX"] = rows["location/center_x_frac"] * shape[:, 1]
        columns["rlnCoordinateY"] = rows["location/center_y_frac"] * shape[:, 0]
    return columns


def _square(rows, source):
    shape = rows["blob/shape"]
    bad = np.flatnonzero(shape[:, 0] != shape[:, 1])
    if len(bad):
        raise InputError(
            f"{source}, row {bad[0] + 1}: the image is {shape[bad[0], 1]}×{shape[bad[0], 0]} px; expected a square. "
            f"Extract the particles with one box.")
    return shape[:, 0].astype(int)


def _finite(rows, name, source):
    values = rows[name].astype(float)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise InputError(
            f"{source}, row {bad[0] + 1}: {name} is {values[bad[0]]}; expected finite numbers. Remove this row.")
    return values


def _contrast_sign(rows, source):
    if "blob/sign" not in rows.dtype.names:
        return 0
    signs = np.unique(np.sign(rows["blob/sign"]))
    if len(signs) > 1:
        raise InputError(f"{source}: blob/sign is +1 for some particles and -1 for others. Process them apart.")
    return int(signs[0])


def _notes(rows, sign, source):
    notes = []
    if sign < 0:
        notes.append(f"{source}: blob/sign is -1: the molecule is dark in these images; use --invert-contrast")
    used = [name for name in _ABERRATIONS if name in rows.dtype.names and np.any(np.abs(rows[name]) > 1e-6)]
    if used:
        notes.append(f"{source}: {', '.join(used)} are neither modelled nor written to STAR")
    return tuple(notes)


def _rows_in_template(particles, rows, template):
    """Row of the template for every particle, by image number and path, or by file name where folders differ."""
    block = particles.table.particles.subset(particles.row) if particles.table is not None else None
    names = block.strings("rlnImageName") if block is not None else _stack_names(particles)
    for shorten in (str, os.path.basename):
        known = {}
        for row, (index, path) in enumerate(zip(rows["blob/idx"].tolist(), rows["blob/path"].tolist())):
            known.setdefault((index + 1, shorten(path.decode().lstrip(">"))), []).append(row)
        wanted = [(int(index), shorten(plain_path(path))) for index, _, path in (name.partition("@") for name in names)]
        found = [known.get(key, []) for key in wanted]
        lost = [position for position, matches in enumerate(found) if len(matches) != 1]
        if not lost:
            return np.array([matches[0] for matches in found])
    raise InputError(
        f"{template}: image {names[lost[0]]} is there {len(found[lost[0]])} times, expected once ({len(lost)} of "
        f"{len(names)} particles are wrong). Give the .cs file these particles came from.")


def _stack_names(particles):
    return [f"{i + 1:06d}@{particles.stacks[s]}" for i, s in zip(particles.slice_index, particles.stack_index)]


def _new_rows(particles):
    """Rows for particles that cryoSPARC does not know yet."""
    names, ctf = _stack_names(particles), particles.ctf
    paths = np.array([os.fsencode(particles.stacks[index]) for index in particles.stack_index])
    rows = np.zeros(len(particles), [
        ("uid", "<u8"), ("blob/path", paths.dtype), ("blob/idx", "<u4"), ("blob/shape", "<u4", (2,)),
        ("blob/psize_A", "<f4"), ("blob/sign", "<f4"), ("ctf/type", "S9"), ("ctf/exp_group_id", "<u4"),
        *((name, "<f4") for name in _CTF), ("ctf/phase_shift_rad", "<f4"), ("ctf/scale", "<f4")])
    rows["uid"] = [int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") for name in names]
    rows["blob/path"], rows["blob/idx"] = paths, particles.slice_index
    rows["blob/shape"], rows["blob/psize_A"], rows["blob/sign"] = particles.image_boxes[:, None], particles.image_pixels, 1
    rows["ctf/type"], rows["ctf/scale"] = b"imported", 1
    if particles.table is not None:
        rows["blob/sign"] = particles.table.contrast_sign or 1
        rows["ctf/exp_group_id"] = particles.table.optics_rows()[particles.row]
    values = (ctf.voltage_kv, ctf.cs_mm, ctf.amplitude_contrast, ctf.defocus_u, ctf.defocus_v,
              np.radians(ctf.defocus_angle))
    for name, value in zip(_CTF, values):
        rows[name] = value
    rows["ctf/phase_shift_rad"] = np.radians(ctf.phase_shift_deg)
    return rows


def _with_fields(rows, fields):
    """A copy of ``rows`` with further fields, zero where they are new."""
    dtype = rows.dtype.descr + [field for field in fields if field[0] not in rows.dtype.names]
    extended = np.zeros(len(rows), dtype)
    recfunctions.recursive_fill_fields(rows, extended)
    return extended
