"""Audits of maps with planted faults, and of maps without any: what was said about each.

Parts of three models that differ in what they hold, in synthetic maps with noise at several resolutions, and the real map of
7CEC. Faults: parts of residues erased, maps turned, mirrored, inverted, sharpened without a low-pass, cut. False alarms: maps
with other noise, sharpened, low-passed or masked, in which nothing is lost.

A part of ``honest_maps``. The models 6ZWV and 3SN6 and the map of 7CEC are found as the tests find them; without them 6MSM
alone is used.
"""

import os
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter
from scipy.spatial.transform import Rotation
from stage import table

from gmmrefine.fourier.shells import shell_of_resolution
from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.render import render_map
from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.mrc import MapGrid, read_grid
from gmmrefine.maps.filter import low_pass
from gmmrefine.pipelines.audit_verdicts import part_lines
from gmmrefine.validation.audit import (
    LOST,
    WEAKENED,
    densities,
    find_copies,
    judge,
    polymer_change,
    relative_to_polymer,
)
from gmmrefine.validation.component_class import component_classes
from gmmrefine.validation.lost_parts import lost_parts
from gmmrefine.validation.orientation import find_orientation
from gmmrefine.validation.qscore import q_scores
from gmmrefine.validation.same_grid import evened

SHARED = os.environ.get("GMMREFINE_TEST_DATA", os.path.join(os.path.dirname(__file__), "..", "..", "shared", "data"))
BOX, VOXEL, B_FACTOR, SIGMA = 56, 1.0, 60.0, 0.6
RESOLUTIONS, NOISES = (2.5, 3.0, 3.5, 4.0), (0.1, 0.3)
REACH = 21.0  # Å around the middle that is cut out of a model


@dataclass
class Scene:
    """Some atoms and the middle of their box."""

    name: str
    atoms: object
    center: np.ndarray

    def map(self, resolution, noise, rng, gone=None):
        """A map with noise, low-passed, without the atoms ``gone`` (A,) bool."""
        left = self.atoms if gone is None else self.atoms.subset(~gone)
        gmm = gmm_from_atoms(left.positions - self.center, left.atomic_numbers, np.full(len(left), B_FACTOR))
        volume = render_map(gmm, BOX, VOXEL)
        volume = volume + rng.normal(0, noise * volume.std(), volume.shape)
        data = low_pass(volume.astype(np.float32), shell_of_resolution(resolution, BOX, VOXEL))
        return MapGrid(np.asarray(data, np.float32), np.full(3, VOXEL), self.center - BOX // 2 * VOXEL)


def around(name, path, residue):
    """Whole residues near a residue ("NAME") of a model, as a Scene."""
    atoms = read_atoms(path)
    center = atoms.positions[atoms.residue_index == atoms.residue_index[atoms.residue_names == residue][0]].mean(axis=0)
    far = np.linalg.norm(atoms.positions - center, axis=1) > REACH
    kept = ~np.isin(atoms.residue_index, np.unique(atoms.residue_index[far]))
    return Scene(name, atoms.subset(kept), center)


def scenes():
    """The scenes that this machine has the models of."""
    found = [around("6MSM around ATP", embedded_model(), "ATP")]
    for name, residue in (("6zwv", "NAG"), ("3sn6", "P0G")):
        path = os.path.join(SHARED, "models", f"{name}.cif.gz")
        if os.path.exists(path):
            found.append(around(f"{name.upper()} around {residue}", path, residue))
    return found


class Audit:
    """The verdicts on maps of one scene against a reference."""

    def __init__(self, atoms, reference):
        self.atoms, self.classes, self.reference = atoms, component_classes(atoms), reference
        self.copies = find_copies(self.classes, atoms.residue_index, atoms.residue_names)
        self.before = self._scored(reference)

    def _scored(self, grid):
        return q_scores(self.atoms.positions, grid, SIGMA).values, densities(
            self.atoms.positions, grid, np.random.default_rng(0)
        )

    def of(self, grid):
        """Whether the polymer fell, status of copies, and lost parts."""
        after = self._scored(grid)
        scored = ~np.isnan(self.before[0] + after[0])
        levels = [relative_to_polymer(each[1], scored, self.classes) for each in (self.before, after)]
        values = self.before[0], after[0]
        fell = polymer_change(*values, self.classes)
        status = judge(self.copies, *values, *levels, self.classes, self.atoms.residue_index)
        return fell, status, lost_parts(self.atoms, self.classes, values, levels, SIGMA)


def unharmed(grid, rng, of_scene):
    """Maps in which nothing is lost, by name."""
    data, sizes = grid.data, grid.voxel_sizes
    k2 = sum(
        axis**2
        for axis in np.meshgrid(*[np.fft.fftfreq(size, step) for size, step in zip(data.shape, sizes[::-1])], indexing="ij")
    )

    def blurred(b_factor):
        return np.fft.ifftn(np.fft.fftn(data) * np.exp(-b_factor * k2 / 4)).real

    smooth = gaussian_filter(data, 3.0 / sizes[0])
    envelope = np.clip((smooth - 0.1 * smooth.max()) / (0.05 * smooth.max()), 0, 1)
    maps = {
        "scaled": 3 * data + 7,
        "sharpened by 30 Å²": blurred(-30),
        "sharpened by 60 Å²": blurred(-60),
        "blurred by 30 Å²": blurred(30),
        "blurred by 60 Å²": blurred(60),
        "masked softly": data * envelope,
        "noise added": data + gaussian_filter(rng.normal(size=data.shape), 0.8) * 0.3 * data.std() * 4,
    }
    if of_scene is not None:
        maps["other noise"] = of_scene()
    return {name: replace(grid, data=np.asarray(each, np.float32)) for name, each in maps.items()}


def false_alarms(found, resolutions, noises):
    """Rows on maps in which nothing is lost."""
    rows = []

    def measure(name, atoms, grid, of_scene, resolution, noise, rng):
        audit = Audit(atoms, grid)
        for what, each in unharmed(grid, rng, of_scene).items():
            fell, status, parts = audit.of(each)
            rows.append(
                (
                    name,
                    resolution,
                    noise,
                    what,
                    f"{fell.before:.2f} → {fell.after:.2f}",
                    "yes" if fell.fell else "",
                    len(status),
                    np.sum(status == LOST),
                    np.sum(status == WEAKENED),
                    len(atoms),
                    len(parts),
                )
            )

    for scene in found:
        for resolution in resolutions:
            for noise in noises:
                rng = np.random.default_rng(1)
                grid = scene.map(resolution, noise, rng)
                measure(
                    scene.name,
                    scene.atoms,
                    grid,
                    lambda one=scene, d=resolution, n=noise, r=rng: one.map(d, n, r).data,
                    resolution,
                    noise,
                    rng,
                )
    real = real_map()
    if real:
        measure("7CEC, real map", *real, None, 3.9, "–", np.random.default_rng(1))
    table(
        "Maps in which nothing is lost",
        ("model", "Å", "noise", "map", "polymer's mean Q", "fell", "copies", "lost", "weakened", "atoms", "parts lost"),
        rows,
    )


def real_map():
    """Atoms and map of 7CEC, or None."""
    folder = os.path.join(SHARED, "qscore")
    if not os.path.isdir(folder):
        return None
    return read_atoms(os.path.join(folder, "7cec_A.cif")), read_grid(os.path.join(folder, "390_emd_30342_A_z4.mrc"))


def planted(scene, rng):
    """Parts of residues to erase, dict of name to atoms (P,) of the scene."""
    atoms = scene.atoms
    inside = np.linalg.norm(atoms.positions - scene.center, axis=1) < REACH - 5
    parts = {}

    def add(name, mask):
        if mask.any():
            parts[name] = np.flatnonzero(mask)

    of = {name: atoms.residue_names == name for name in set(atoms.residue_names.tolist())}
    if "ATP" in of:
        first = of["ATP"] & (atoms.residue_index == atoms.residue_index[of["ATP"]][0])
        add("γ phosphate of ATP", first & np.isin(atoms.names, ["PG", "O1G", "O2G", "O3G"]))
        add("adenine of ATP", first & np.isin(atoms.names, "N9 C8 N7 C5 C6 N6 N1 C2 N3 C4".split()))
    if "NAG" in of:
        first = of["NAG"] & (atoms.residue_index == atoms.residue_index[of["NAG"]][0])
        add("acetyl of NAG", first & np.isin(atoms.names, ["C7", "C8", "O7", "N2"]))
        add("half of NAG", first & np.isin(atoms.names, ["C4", "C5", "C6", "O4", "O6", "O5"]))
    if "P0G" in of:
        first = of["P0G"]
        middle = np.median(atoms.positions[first][:, 2])
        add("half of P0G", first & (atoms.positions[:, 2] > middle))
    for name in ("LEU", "PHE", "LYS", "ARG", "MET", "TRP"):
        inner = np.unique(atoms.residue_index[of.get(name, np.zeros(len(atoms), bool)) & inside])
        if len(inner):
            one = atoms.residue_index == rng.choice(inner)
            add(f"side chain of {name}", one & ~np.isin(atoms.names, ["N", "CA", "C", "O", "CB"]))
    whole = np.unique(atoms.residue_index[inside & (component_classes(atoms) == "protein_backbone")])
    add("four residues", np.isin(atoms.residue_index, whole[len(whole) // 2 :][:4]))
    return parts


def losses(found, resolutions):
    """Rows on parts that were erased."""
    rows = []
    for scene in found:
        for resolution in resolutions:
            rng = np.random.default_rng(2)
            audit = Audit(scene.atoms, scene.map(resolution, NOISES[0], rng))
            for name, members in planted(scene, rng).items():
                gone = np.zeros(len(scene.atoms), bool)
                gone[members] = True
                _, _, parts = audit.of(scene.map(resolution, NOISES[0], rng, gone))
                hit = [part for part in parts if gone[part.atoms].mean() > 0.5]
                other = [part for part in parts if gone[part.atoms].mean() <= 0.5]
                share = (
                    len(set(np.concatenate([part.atoms for part in hit]).tolist()) & set(members.tolist())) / len(members)
                    if hit
                    else 0.0
                )
                said = "; ".join(part_lines(scene.atoms, audit.classes, hit)) or "nothing"
                rows.append((scene.name, resolution, name, len(members), f"{share:.0%}", len(other), said[:90]))
    table(
        "Parts erased, other noise in the second map",
        ("model", "Å", "erased", "atoms", "of them found", "others called lost", "said"),
        rows,
    )


def turned(data, vector):
    """A map turned by a rotation vector (x y z) in degrees about the middle of its box."""
    turn = Rotation.from_rotvec(np.radians(vector)).as_matrix()[::-1, ::-1]
    middle = 0.5 * (np.array(data.shape) - 1)
    return affine_transform(data, turn, middle - turn @ middle, order=3)


def orientations(found):
    """Rows on maps that are turned or mirrored."""
    rows, cases = [], [(scene.name, scene.atoms, scene.map(3.0, NOISES[0], np.random.default_rng(3))) for scene in found]
    real = real_map()
    cases += [("7CEC, real map", *real)] if real else []
    for name, atoms, grid in cases:
        data, audit, rng = grid.data, Audit(atoms, grid), np.random.default_rng(4)
        maps = {
            "as it is": data,
            "noise": data + rng.normal(0, data.std(), data.shape),
            "low-passed": gaussian_filter(data, 1.2),
        }
        for angle in (1, 2, 3, 5, 8, 12):
            axis = rng.normal(size=3)
            maps[f"turned by {angle}°"] = turned(data, angle * axis / np.linalg.norm(axis))
        maps.update(
            {
                "flipped along x": data[..., ::-1],
                "flipped along z": data[::-1],
                "flipped along y, turned by 4°": turned(data[:, ::-1], [4, 0, 0]),
            }
        )
        for what, each in maps.items():
            other = replace(grid, data=np.ascontiguousarray(each, np.float32))
            orientation = find_orientation(*evened(other.data, data, grid.voxel_sizes), grid.voxel_sizes)
            fell = audit.of(other)[0]
            rows.append(
                (
                    name,
                    what,
                    f"{fell.before:.2f} → {fell.after:.2f}",
                    "yes" if fell.fell else "",
                    str(orientation) if orientation.is_other else "–",
                    f"{orientation.correlation:.2f}",
                )
            )
    table("Maps turned and mirrored", ("model", "map", "polymer's mean Q", "fell", "said", "correlation so"), rows)


def audits(is_quick):
    """All tables; quick ones are of fewer resolutions and one noise."""
    found, resolutions = scenes(), RESOLUTIONS[1:3] if is_quick else RESOLUTIONS
    false_alarms(found, resolutions, NOISES[:1] if is_quick else NOISES)
    losses(found, resolutions)
    orientations(found)
