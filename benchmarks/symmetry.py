"""Symmetry: what the check finds on maps that have one, nearly have one and have none; and what refining with it brings.

Usage: python benchmarks/symmetry.py [folder for the simulated data]
"""

import json
import os
import sys
import tempfile

import gemmi
import numpy as np
from stage import command, simulated, table
from whole_run import resolution_of

from gmmrefine.geometry.rotations import rotations_from_vectors
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.io.atoms import embedded_model
from gmmrefine.io.mrc import read_map
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.maps.fsc import gold_standard_fsc, shell_correlation
from gmmrefine.maps.symmetry import SymmetryMeasure
from gmmrefine.validation.pose_error import pose_errors

NOISE = ({"snr": 0.1, "pose_error": 3, "shift_error": 2}, {"snr": 0.01, "pose_error": 5, "shift_error": 3})
GRID = {"box": 64, "pixel_size": 3.2}
OLIGOMERS = ("C2", "C3")
SWING = "chain A and 390-640,1208-1440: 12"
FLEXIBLE = {"particles": 600, "snr": 0.1, "box": 80, "pixel_size": 2.6, "pose_error": 2, "shift_error": 1}
DISTANCE = 40.0  # Å from the axis to the centre of a copy
TILT = (1.2, 0, 0)  # rotation vector of a copy: the pseudo-two-fold axis of 6MSM itself lies along z


def trimer(path, bend_deg):
    """Write three copies of 6MSM around z, the first turned by ``bend_deg`` about its own centre."""
    source, model = gemmi.read_structure(embedded_model()), gemmi.Model("1")
    centre = np.mean([place.atom.pos.tolist() for place in source[0].all()], axis=0)
    for number, operator in enumerate(point_group("C3")):
        bend = rotations_from_vectors(np.radians([[0, bend_deg if number == 0 else 0, 0]]))[0]
        rotation = operator @ bend @ rotations_from_vectors(np.array([TILT]))[0]
        for chain in source[0]:
            copy = chain.clone()
            copy.name = f"{chain.name}{number}"
            for atom in (atom for residue in copy for atom in residue):
                place = rotation @ (np.array(atom.pos.tolist()) - centre) + operator @ [DISTANCE, 0, 0]
                atom.pos = gemmi.Position(*place)
            model.add_chain(copy)
    structure = gemmi.Structure()
    structure.add_model(model)
    structure.setup_entities()
    structure.make_mmcif_document().write_file(path)


def shares(folder, model, names, noise):
    """Smallest correlation with the turned half map, as a share of that between half maps without a turn, by group."""
    if not os.path.exists(os.path.join(folder, "start", "map.mrc")):
        flags = [
            text
            for name, value in {**GRID, **noise, "particles": 600}.items()
            for text in (f"--{name.replace('_', '-')}", value)
        ]
        command("simulate", model, "-o", folder, *flags)
        command("reconstruct", os.path.join(folder, "particles.star"), "-o", os.path.join(folder, "start"))
    halves = [read_map(os.path.join(folder, "start", f"half_map_{number}.mrc")).data for number in (1, 2)]
    measure = SymmetryMeasure(halves, GRID["pixel_size"])
    found = [min(measure.correlation(operator) for operator in point_group(name)[1:]) / measure.unturned for name in names]
    return measure.resolution, found


def check_table(folder):
    """What the check would find, by molecule, point group asked for and noise."""
    rows = []
    for title, model, names in (
        ("C3 trimer", 0, ("C3", "C2", "C6", "D3")),
        ("C3 trimer, one copy bent by 10°", 10, ("C3",)),
        ("C3 trimer, one copy bent by 25°", 25, ("C3",)),
        ("6MSM (pseudo-C2 along z)", None, ("C2", "C3", "D2")),
    ):
        path = "6msm" if model is None else os.path.join(folder, f"trimer_{model}.cif")
        os.makedirs(folder, exist_ok=True)
        if model is not None:
            trimer(path, model)
        for noise in NOISE:
            place = os.path.join(folder, f"check_{model}_{noise['snr']}")
            resolution, found = shares(place, path, names, noise)
            rows += [(title, name, noise["snr"], f"{resolution:.0f}", f"{share:.3f}") for name, share in zip(names, found)]
    table(
        "Symmetry check on 2 × 300 start images (refused below 0.6, noted below 0.95)",
        ("molecule", "asked for", "SNR", "compared to (Å)", "share"),
        rows,
    )


def treated(folder, name, options):
    """Refine in one way; resolution, agreement with the true map under its mask, pose errors and seconds."""
    output = os.path.join(folder, name)
    seconds = command("refine", os.path.join(folder, "particles.star"), "-o", output, *options)
    truth, mask, found = (
        read_map(os.path.join(place, file)).data
        for place, file in ((folder, "truth.mrc"), (folder, "mask.mrc"), (output, "map.mrc"))
    )
    with open(os.path.join(output, "run.json"), encoding="utf-8") as file:
        counts = json.load(file)
    errors = pose_errors(
        read_particle_set(os.path.join(output, "particles.star")), read_particle_set(os.path.join(folder, "truth.star"))
    )
    return (
        counts["images"],
        counts["particles"],
        f"{resolution_of(output):.2f}",
        f"{shell_correlation(found * mask, truth * mask)[2 : len(truth) // 2].mean():.4f}",
        f"{errors.rotation_rms:.3f}",
        f"{errors.shift_rms:.3f}",
        f"{seconds:.0f}",
    )


def refinement_table(folder):
    """Each oligomer refined without and with its symmetry."""
    rows = []
    for symmetry in OLIGOMERS:
        place = os.path.join(folder, symmetry)
        start, truth = simulated(place, particles=1000, snr=0.03, pose_error=3, shift_error=2, symmetry=symmetry, **GRID)
        before = pose_errors(start, truth)
        errors = f"{before.rotation_rms:.3f}", f"{before.shift_rms:.3f}"
        rows.append((symmetry, "start", len(start), len(start), "", "", *errors, ""))
        for treatment, options in (("C1", ()), (symmetry, ("--symmetry", symmetry))):
            rows.append((symmetry, f"refined in {treatment}", *treated(place, treatment, options)))
    table(
        "Oligomers of 6MSM refined without and with their symmetry (box 64, 3.2 Å/px, SNR 0.03)",
        (
            "molecule",
            "treatment",
            "images",
            "particles",
            "resolution (Å)",
            "mean FSC to the truth",
            "rms rotation (°)",
            "rms shift (Å)",
            "seconds",
        ),
        rows,
    )


def quality(output, mask, true_map):
    """Gold-standard resolution (Å) of a folder's half maps under a mask (Z, Y, X), and their mean FSC to the true map."""
    halves = [read_map(os.path.join(output, f"half_map_{number}.mrc")) for number in (1, 2)]
    maps = [half.data for half in halves]
    curve = gold_standard_fsc(*maps, mask, halves[0].voxel_size, seed=1)
    return curve.resolution(), shell_correlation((maps[0] + maps[1]) * mask, true_map * mask)[2 : len(mask) // 2].mean()


def truth_of_copies(folder, operators):
    """True poses of the flexible part of every copy, in the order of an expanded set; a copy that stays has the molecule's."""
    files = [os.path.join(folder, f"truth_domain_{number}.star") for number in range(1, len(operators) + 1)]
    copies = [read_particle_set(path if os.path.exists(path) else os.path.join(folder, "truth.star")) for path in files]
    rotations = np.stack([copy.rotations @ operator for copy, operator in zip(copies, operators)], axis=1)
    shifts = np.stack([copy.shifts for copy in copies], axis=1)
    return rotations.reshape(-1, 3, 3), shifts.reshape(-1, 2)


def flexible_table(folder):
    """Oligomers with flexible subunits: focus on one, without expansion and with it, and the symmetry put back."""
    rows = []
    for symmetry, moving in ((symmetry, moving) for moving in ("all", "one") for symmetry in OLIGOMERS):
        place, operators = os.path.join(folder, f"flexible_{moving}_{symmetry}"), point_group(symmetry)
        simulated(place, symmetry=symmetry, swing=SWING, moving_copies=moving, **FLEXIBLE)
        true_map = read_map(os.path.join(place, "truth.mrc")).data
        start, expanded, once, every, imposed = (
            os.path.join(place, name) for name in ("global", "expanded", "focus_c1", "focus_expanded", "imposed")
        )
        mask_file = os.path.join(place, "mask_domain_1.mrc")
        mask = read_map(mask_file).data
        command("refine", os.path.join(place, "particles.star"), "-o", start, "--symmetry", symmetry)
        command("expand-symmetry", os.path.join(start, "particles.star"), "-o", expanded, "--symmetry", symmetry)
        for particles, output in ((start, once), (expanded, every)):
            command(
                "refine", os.path.join(particles, "particles.star"), "-o", output, "--focus-mask", mask_file, "--iterations", 3
            )
        command("impose-symmetry", every, "--mask", mask_file, "--symmetry", symmetry, "-o", imposed, "--background", start)
        truth = read_particle_set(os.path.join(place, "truth_domain_1.star"))
        found = read_particle_set(os.path.join(every, "particles.star"))
        images = {half: set(found.slice_index[found.half_set == half]) for half in (1, 2)}
        of_copies = found.with_poses(*truth_of_copies(place, operators))
        for title, output, errors in (
            ("global", start, pose_errors(read_particle_set(os.path.join(start, "particles.star")), truth)),
            ("focus in C1", once, pose_errors(read_particle_set(os.path.join(once, "particles.star")), truth)),
            ("expanded, focus", every, pose_errors(found, of_copies)),
            ("symmetry put back", imposed, None),
        ):
            resolution, agreement = quality(output, mask, true_map)
            rows.append(
                (
                    symmetry,
                    moving,
                    title,
                    f"{resolution:.2f}",
                    f"{agreement:.4f}",
                    "" if errors is None else f"{errors.rotation_rms:.2f}",
                    "" if errors is None else f"{errors.shift_rms:.2f}",
                    len(images[1] & images[2]) if output == every else "",
                )
            )
    table(
        "Oligomers of 6MSM whose NBDs swing ±12° in every copy or in one (600 particles, box 80, 2.6 Å/px, SNR 0.1; target: "
        "expansion at least as good as C1)",
        (
            "molecule",
            "copies that swing",
            "treatment",
            "resolution in one flexible part (Å)",
            "mean FSC to the truth there",
            "rms rotation of the part (°)",
            "rms shift (Å)",
            "images in both halves",
        ),
        rows,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main_folder = sys.argv[1] if len(sys.argv) > 1 else scratch
        check_table(main_folder)
        refinement_table(main_folder)
        flexible_table(main_folder)
