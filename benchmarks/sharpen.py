"""Sharpening: B factors recovered from blurred maps of 6MSM, and each way of sharpening a map of uneven mobility.

Usage: python benchmarks/sharpen.py [FOLDER]
"""

import json
import os
import sys
import tempfile

import gemmi
import numpy as np
from stage import command, table

from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import render_map
from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.mrc import read_grid, read_map, write_map
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.mask import soft_mask
from gmmrefine.validation.qscore import q_scores

BOX, PIXEL_SIZE = 128, 1.3
OWN_B = 16.0  # Å², of the simulation at 2 Å
UNEVEN = 60.0, 220.0  # B factors above and below the middle, Å²
WAYS = ("b-factor", "model-profile", "local-resolution", "local-model", "local")


def blurred(atoms, b_factors):
    """A map (Z, Y, X) of the atoms, blurred by 16 Å² and B factors."""
    widths = np.sqrt((np.zeros(len(atoms)) + b_factors + OWN_B) / (8 * np.pi**2))
    heights = atoms.atomic_numbers / (widths * np.sqrt(2 * np.pi)) ** 3
    return render_map(Gmm(atoms.positions - atoms.positions.mean(axis=0), heights, widths), BOX, PIXEL_SIZE)


def write_half_maps(folder, name, volume, mask, noise, origin):
    """Two half maps with white noise, in units of the density's deviation inside the mask, and their mean."""
    rng = np.random.default_rng(1)
    deviation = noise * volume[mask > 0.5].std()
    halves = [volume + deviation * rng.standard_normal(volume.shape, np.float32) for _ in range(2)]
    for suffix, data in (("_1", halves[0]), ("_2", halves[1]), ("", 0.5 * (halves[0] + halves[1]))):
        write_map(os.path.join(folder, f"{name}{suffix}.mrc"), data, PIXEL_SIZE, origin)


def results(folder):
    with open(os.path.join(folder, "run.json"), encoding="utf-8") as file:
        return json.load(file)["results"]


def b_factor_row(folder, atoms, mask, origin, b_factor, noise):
    """The fit to one blurred map, and how much of it is the blur."""
    found = []
    for value in (0.0, b_factor):
        name = f"b{value:.0f}_{noise:g}"
        write_half_maps(folder, name, blurred(atoms, value), mask, noise, origin)
        at = {part: os.path.join(folder, f"{name}{part}") for part in (".mrc", "_1.mrc", "_2.mrc", "_fsc", "_sharp")}
        limit = 3.0
        if noise and value:
            command("fsc", at["_1.mrc"], at["_2.mrc"], "--mask", os.path.join(folder, "mask.mrc"), "-o", at["_fsc"])
            limit = max(limit, results(at["_fsc"])["resolution"])
        command("sharpen", at[".mrc"], "--mask", os.path.join(folder, "mask.mrc"), "--low-pass", limit, "-o", at["_sharp"])
        found.append((results(at["_sharp"])["b_factor"], limit))
    (own, _), (total, limit) = found
    off = [f"{100 * (ratio - 1):+.1f} %" for ratio in ((total - own) / b_factor, total / (b_factor + OWN_B))]
    return (f"{b_factor:.0f}", noise, f"{limit:.2f}", f"{own:.1f}", f"{total:.1f}", *off)


def way_rows(folder, atoms, mask, origin):
    """Every way of sharpening one map whose upper half moves less than the lower."""
    height = atoms.positions[:, 2] - atoms.positions[:, 2].mean()
    volume, truth = blurred(atoms, np.where(height > 0, *UNEVEN)), blurred(atoms, 0.0)
    write_half_maps(folder, "uneven", volume, mask, 0.3, origin)
    model = os.path.join(folder, "model.cif")
    structure = gemmi.read_structure(embedded_model())
    for atom in (atom for chain in structure[0] for residue in chain for atom in residue):
        atom.b_iso = 0.0
    structure.make_mmcif_document().write_file(model)
    path = os.path.join(folder, "uneven{}").format
    local = os.path.join(folder, "uneven_local")
    command("local-resolution", path("_1.mrc"), path("_2.mrc"), "--mask", os.path.join(folder, "mask.mrc"), "-o", local)
    resolution = os.path.join(local, "local_resolution.mrc")
    command("local-filter", path(".mrc"), "--local-resolution", resolution, "-o", path("_filtered"))
    made = {"unmodified": path(".mrc"), "local-filter": os.path.join(path("_filtered"), "filtered.mrc")}
    for way in WAYS:
        options = ("--reference-model", model) if "model" in way else ()
        output = path(f"_by_{way}")
        command(
            "sharpen",
            path(".mrc"),
            "--sharpening",
            way,
            "--local-resolution",
            resolution,
            "--mask",
            os.path.join(folder, "mask.mrc"),
            "-o",
            output,
            *options,
        )
        made[way] = os.path.join(output, "sharpened.mrc")
    z = (np.arange(BOX) - BOX // 2) * PIXEL_SIZE
    inside, local_map = mask > 0.5, read_map(resolution).data
    rows = []
    for name, file in made.items():
        data, q = read_map(file).data, q_scores(atoms.positions, read_grid(file), 0.6).values
        cells = []
        for slab, members in ((z > 10, height > 10), (z < -10, height < -10)):
            limit = float(np.median(local_map[slab][inside[slab]]))
            expected, shown = (low_pass(each, BOX * PIXEL_SIZE / limit)[slab][inside[slab]] for each in (truth, data))
            cells += [f"{limit:.2f}", f"{np.corrcoef(expected, shown)[0, 1]:.3f}", f"{np.nanmean(q[members]):.3f}"]
        rows.append((name, *cells, f"{data[mask < 0.01].std() / data[inside].std():.2f}"))
    return rows


def main():
    """Measure and print both tables."""
    folder = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()
    atoms = read_atoms(embedded_model())
    origin = atoms.positions.mean(axis=0) - BOX // 2 * PIXEL_SIZE
    mask = soft_mask(blurred(atoms, 0.0), PIXEL_SIZE, 8.0)
    os.makedirs(folder, exist_ok=True)
    write_map(os.path.join(folder, "mask.mrc"), mask, PIXEL_SIZE, origin)
    cases = [(b_factor, noise) for noise in (0.0, 0.3) for b_factor in (50.0, 100.0, 200.0)]
    rows = [b_factor_row(folder, atoms, mask, origin, *case) for case in cases]
    header = "blurred by B (Å²)", "noise", "fit to (Å)", "B before", "B after", "difference off", "total off"
    table("B factor of blurred maps of 6MSM (target: within 10 %)", header, rows)
    half = "resolution (Å)", "correlation with the truth", "mean Q"
    title = f"Sharpening a map with B {UNEVEN[0]:.0f} above (first) and {UNEVEN[1]:.0f} Å² below"
    table(title, ("map", *half, *half, "solvent / molecule"), way_rows(folder, atoms, mask, origin))


if __name__ == "__main__":
    main()
