"""Density modification of half maps whose poses are off, and how sure it says each voxel is.

A part of ``honest_maps``. Half maps of 1,500 simulated particles at their true poses, 2° and 1.4 Å, and 3° and 2 Å off: FSC
to the sharp truth by component class (target: no class below the plain mean), with the smearing as the spectrum shows it
(what the command does by itself), as it is known, and not undone. Then the part of the voxels whose error is below the one
given (target: 68 %, within 5 points).
"""

import os

import numpy as np
from audit import model_with_waters
from modify import BOX, CASES, EVEN, UNEVEN, VOXEL, Molecule, agreement, masks_of, members_of, white_or_coarse
from stage import command, simulated, table

from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.mrc import read_map
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.maps.mask import soft_mask
from gmmrefine.maps.modify import band_of, modify
from gmmrefine.maps.smearing import Smearing, smearing_from_spectrum
from gmmrefine.validation.component_class import component_classes

POSES = {"true poses": (0.0, 0.0), "poses 2° and 1.4 Å off": (2.0, 1.4), "poses 3° and 2 Å off": (3.0, 2.0)}
PARTICLES = {"particles": 1500, "box": 96, "pixel_size": 1.8, "snr": 0.1}
TOLERANCE = 0.05


def coverage(volume, error, truth, shell, masks):
    """Part of the voxels of each class whose difference to the truth (Z, Y, X) up to a shell is below the error."""
    below = np.abs(volume - low_pass(truth, shell)) < error
    return {name: float(below[mask > 0.5].mean()) for name, mask in masks.items()}


def pose_rows(folder, label, errors):
    """Agreement and coverage of maps from particles whose poses are off by ``errors`` (degrees, Å)."""
    rotation, shift = errors
    simulated(folder, pose_error=rotation, shift_error=shift, **PARTICLES)
    output = os.path.join(folder, "maps")
    command("reconstruct", os.path.join(folder, "particles.star"), "-o", output)
    halves = [read_map(os.path.join(output, f"half_map_{number}.mrc")).data for number in (1, 2)]
    truth, atoms = read_map(os.path.join(folder, "truth.mrc")), read_atoms(os.path.join(folder, "model.cif"))
    box, voxel = len(truth.data), truth.voxel_size
    masks = masks_of(members_of(component_classes(atoms)), atoms.positions - box // 2 * voxel, box, voxel)
    mean = 0.5 * (halves[0] + halves[1])
    mask = soft_mask(mean, voxel)
    curve = gold_standard_fsc(*halves, mask, voxel)
    last, case = int(box * voxel / curve.resolution()), f"{label}, {curve.resolution():.2f} Å"
    plain = agreement(mean, truth.data, masks, last)
    agreements, coverages = [(case, "mean", *_four(plain), "")], []
    seen = smearing_from_spectrum(*halves, mask, voxel, band_of(box))
    for name, smearing in (
        (f"modified, spectrum: {seen.rotation:.1f}°, {seen.shift:.1f} Å", seen),
        ("modified, known", Smearing(*errors)),
        ("modified, not undone", Smearing(0.0, 0.0)),
    ):
        volume, _, error = modify(*halves, mask, 1.0, smearing.on_grid(box, voxel))
        found = agreement(volume, truth.data, masks, last)
        worst = min(found[one] - plain[one] for one in plain)
        agreements.append((case, name, *_four(found), f"{worst:+.4f}"))
        coverages.append((case, name, coverage(volume, error, truth.data, box * voxel / curve.resolution(), masks)))
    return list(masks), agreements, coverages


def noise_coverages():
    """Coverage for half maps of one molecule with noise and no pose errors."""
    atoms = model_with_waters(np.random.default_rng(1))
    molecules, rows = {b_factors: Molecule(atoms, b_factors) for b_factors in (EVEN, UNEVEN)}, []
    for label, b_factors, noise, kind in CASES:
        molecule, rng = molecules[b_factors], np.random.default_rng(1)
        deviation = noise * molecule.truth[soft_mask(molecule.truth, VOXEL, 8.0) > 0.5].std()
        halves = [(molecule.truth + deviation * white_or_coarse(kind, rng)).astype(np.float32) for _ in range(2)]
        mask = soft_mask(0.5 * (halves[0] + halves[1]), VOXEL)
        resolution = gold_standard_fsc(*halves, mask, VOXEL).resolution()
        seen = smearing_from_spectrum(*halves, mask, VOXEL, band_of(BOX))
        volume, _, error = modify(*halves, mask, 1.0, seen.on_grid(BOX, VOXEL))
        rows.append(
            (
                f"{label}, noise {noise:g} {kind}, {resolution:.2f} Å",
                f"modified, spectrum: {seen.rotation:.1f}°",
                coverage(volume, error, molecule.truth, BOX * VOXEL / resolution, molecule.masks),
            )
        )
    return rows


def coverage_rows(found):
    """Rows of the table of coverages, with a verdict on all voxels of the molecule."""
    names = ("all", "protein_backbone", "protein_side_chain", "ligand", "ion", "lipid")
    return [
        (
            case,
            name,
            *(f"{100 * shares[one]:.0f} %" for one in names),
            "met" if abs(shares["all"] - 0.6827) <= TOLERANCE else "missed",
        )
        for case, name, shares in found
    ], names


def _four(values):
    return [f"{value:.4f}" for value in values.values()]


def modified(folder):
    """All tables; simulated particles go below ``folder``."""
    names, agreements, coverages = [], [], []
    for label, errors in POSES.items():
        names, rows, found = pose_rows(os.path.join(folder, label.replace(" ", "_").replace("°", "")), label, errors)
        agreements += rows
        coverages += found
    table(
        "FSC to the sharp truth of maps from 1,500 particles (target: no class below the mean)",
        ("case", "map", *names, "smallest difference to the mean"),
        agreements,
    )
    rows, names = coverage_rows(coverages + noise_coverages())
    table(
        "Voxels whose error is below the standard error given (target: 68 %, within 5 points)",
        ("case", "map", *names, "verdict"),
        rows,
    )
