"""Rows of cryoSPARC particle files for tests."""

import numpy as np

FIELDS = [
    ("uid", "<u8"),
    ("blob/path", "S40"),
    ("blob/idx", "<u4"),
    ("blob/shape", "<u4", (2,)),
    ("blob/psize_A", "<f4"),
    ("blob/sign", "<f4"),
    ("ctf/exp_group_id", "<u4"),
    ("ctf/accel_kv", "<f4"),
    ("ctf/cs_mm", "<f4"),
    ("ctf/amp_contrast", "<f4"),
    ("ctf/df1_A", "<f4"),
    ("ctf/df2_A", "<f4"),
    ("ctf/df_angle_rad", "<f4"),
    ("ctf/phase_shift_rad", "<f4"),
]
POSES = [
    ("alignments3D/split", "<u4"),
    ("alignments3D/shift", "<f4", (2,)),
    ("alignments3D/pose", "<f4", (3,)),
    ("alignments3D/psize_A", "<f4"),
    ("alignments3D/class", "<u4"),
    ("alignments3D/class_posterior", "<f4"),
]
PLACES = [
    ("location/micrograph_path", "S20"),
    ("location/center_x_frac", "<f4"),
    ("location/center_y_frac", "<f4"),
    ("location/micrograph_shape", "<u4", (2,)),
]
ABERRATIONS = [
    ("ctf/tilt_A", "<f4", (2,)),
    ("ctf/trefoil_A", "<f4", (2,)),
    ("ctf/tetra_A", "<f4", (4,)),
    ("ctf/anisomag", "<f4", (4,)),
    ("ctf/shift_A", "<f4", (2,)),
]


def particle_rows(count=4, fields=(*POSES,)):
    """Rows with images and CTF, and with poses where ``fields`` has them; further fields are zero."""
    rows = np.zeros(count, FIELDS + list(fields))
    rows["uid"] = np.arange(count, dtype=np.uint64) + np.uint64(2**63)
    rows["blob/path"], rows["blob/idx"] = b">J1/imported/7_particles.mrc", np.arange(count)
    rows["blob/shape"], rows["blob/psize_A"], rows["blob/sign"] = 16, 3.0, 1
    rows["ctf/exp_group_id"] = np.arange(count) // 2
    rows["ctf/accel_kv"], rows["ctf/cs_mm"], rows["ctf/amp_contrast"] = 300, 2.7, 0.1
    rows["ctf/df1_A"], rows["ctf/df2_A"], rows["ctf/df_angle_rad"] = 12000 + 10 * np.arange(count), 11000, np.pi / 6
    rows["ctf/phase_shift_rad"] = np.pi / 2
    if "alignments3D/pose" in rows.dtype.names:
        rows["alignments3D/split"] = np.arange(count) % 2
        rows["alignments3D/shift"] = [2, -1]
        rows["alignments3D/pose"] = np.random.default_rng(1).normal(size=(count, 3))
        rows["alignments3D/psize_A"], rows["alignments3D/class_posterior"] = 1.5, 1
    if "location/center_y_frac" in rows.dtype.names:
        rows["location/micrograph_path"], rows["location/micrograph_shape"] = b">J1/mic.mrc", [400, 1000]
        rows["location/center_x_frac"], rows["location/center_y_frac"] = 0.25 + 0.125 * np.arange(count), 0.75
    return rows


def save_rows(path, rows):
    """Write rows as cryoSPARC does; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        np.save(file, rows, allow_pickle=False)
    return path


def without(rows, *starts):
    """The rows without the fields whose names begin so, packed."""
    names = [name for name in rows.dtype.names if not name.startswith(starts)]
    kept = np.zeros(len(rows), [(name, rows.dtype[name]) for name in names])
    for name in names:
        kept[name] = rows[name]
    return kept
