"""Optics groups of several grids, aberrations and states, beside undisturbed particles and beside RELION.

A part of ``real_input``. RELION's columns are empty where it is not installed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from stage import command, table, true_gmm

from gmmrefine.backend import tf
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.project import SliceProjector
from gmmrefine.io.mrc import read_map
from gmmrefine.io.stack_writer import StackWriter
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles
from gmmrefine.maps.fsc import shell_correlation
from gmmrefine.particles.group_samples import GroupSamples
from gmmrefine.particles.optics import OpticsGroup
from gmmrefine.pipelines.simulated_optics import seen_through
from gmmrefine.validation.pose_error import pose_errors

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests"))
from optics_sets import every_second, joined, rewritten, simulate_group, simulate_same_dose, with_optics

RELION = shutil.which("relion_reconstruct")
WITHOUT_RELION = "" if RELION else " (RELION is not installed here: its columns are empty)"
# as strong, for 3.8 Å, as 0.3 mrad of beam tilt is for 2.5 Å
STRONG = {
    "none": (),
    "beam tilt 1.2 mrad": ("--beam-tilt", "1 -0.6"),
    "trefoil": ("--trefoil", "20 -10"),
    "tetrafoil": ("--tetrafoil", "60 40"),
    "magnification 1.5 %": ("--magnification-matrix", "1.015 0.004 -0.003 0.99"),
}
STRONG["all four"] = sum(STRONG.values(), ())
REAL = ("--beam-tilt", "0.3 0", "--trefoil", "2 -1", "--tetrafoil", "4 -3", "--magnification-matrix", "1.01 0.003 -0.002 0.99")
IGNORED = dict.fromkeys(("rlnOddZernike", "rlnEvenZernike", "rlnMagMat00", "rlnMagMat01", "rlnMagMat10", "rlnMagMat11"))


def curve(volume, truth):
    """FSC (S,) of a map (Z, Y, X) with the true one of a folder, both under its mask, and its frequencies in 1/Å."""
    true, mask = read_map(truth / "truth.mrc"), read_map(truth / "mask.mrc").data
    return (shell_correlation(volume * mask, true.data * mask), np.arange(len(mask) // 2 + 1) / (len(mask) * true.voxel_size))


def half_map(particles):
    """The first half map of particles at their poses, and how well the halves agree by shell."""
    output = particles.parent / f"map_of_{particles.stem}"
    shutil.rmtree(output, ignore_errors=True)
    command("reconstruct", particles, "-o", output)
    return read_map(output / "half_map_1.mrc").data, read_star(output / "fsc.star")["fsc"].numbers("gmmFsc")


def relion_half_map(particles):
    """RELION's map (Z, Y, X) of the same half, None where RELION is absent."""
    if RELION is None:
        return None
    output = particles.with_name(f"relion_{particles.stem}.mrc")
    subprocess.run(
        [RELION, "--i", particles.name, "--o", output.name, "--ctf", "--subset", "1"],
        cwd=particles.parent,
        check=True,
        capture_output=True,
    )
    return read_map(output).data


def resolved(fsc):
    """The shells, from 1, before a curve (S,) falls below 0.143, a slice."""
    below = np.flatnonzero(fsc[1:] < 0.143)
    return slice(1, 1 + int(below[0]) if len(below) else len(fsc) - 1)


def aberrations_against_relion(folder):
    """Each aberration alone and all together: agreement with RELION's map, FSC to the truth."""
    rows = []
    for number, (name, options) in enumerate(STRONG.items()):
        place = simulate_group(folder / f"strong_{number}", 80, 1.9, *options, snr=0.3, seed=9, count=3000)
        ours, halves = half_map(place / "truth.star")
        relion, shells = relion_half_map(place / "truth.star"), resolved(halves)
        found = curve(ours, place)[0][shells]
        cells = [""] * 4
        if relion is not None:
            mask, theirs = read_map(place / "mask.mrc").data, curve(relion, place)[0][shells]
            alike = shell_correlation(ours * mask, relion * mask)[shells]
            numbers = theirs.mean(), (found - theirs).min(), alike[:34].min(), alike[:38].min()
            cells = [f"{number:.4f}" for number in numbers]
        rows.append((name, f"{found.mean():.4f}", *cells))
    table(
        "Aberrated particles at their true poses (3,000, box 80, 1.9 Å/px, SNR 0.3; target: agreement ≥ 0.995 to 4.5 Å, and "
        "no less than without aberrations)" + WITHOUT_RELION,
        (
            "aberration",
            "mean FSC to the truth",
            "RELION's",
            "smallest difference of a shell",
            "least agreement with RELION's map to 4.5 Å",
            "to 4 Å",
        ),
        rows,
    )


def what_is_lost(folder):
    """0.3 mrad of tilt and what comes with it, at high resolution: corrected, and ignored."""
    rows = []
    places = {
        name: simulate_group(folder / name, 160, 1.0, *options, snr=2, seed=4, count=600)
        for name, options in (("without", ()), ("with", REAL))
    }
    ignored = with_optics(places["with"] / "ignored.star", places["with"] / "truth.star", **IGNORED)
    for name, particles in (
        ("none", places["without"] / "truth.star"),
        ("0.3 mrad tilt and more, corrected", places["with"] / "truth.star"),
        ("the same, ignored", ignored),
    ):
        found, frequency = curve(half_map(particles)[0], particles.parent)
        at = [f"{np.interp(1 / resolution, frequency, found):.3f}" for resolution in (4.0, 3.5, 3.0, 2.5)]
        rows.append((name, *at, f"{found[1:64].mean():.4f}"))
    table(
        "What is lost to aberrations (600 particles, box 160, 1 Å/px, SNR 2, true poses; FSC to the truth)",
        ("aberrations", "at 4 Å", "3.5 Å", "3 Å", "2.5 Å", "mean to 2.5 Å"),
        rows,
    )


def odd_group(folder, like, box):
    """Images of ``like``'s particles in an odd box, the particle at RELION's centre; folder with truth.star."""
    folder.mkdir(exist_ok=True)
    truth, gmm = read_particles(like / "truth.star"), true_gmm(str(like))
    microscope = GroupSamples(OpticsGroup(box, truth.pixel_size), half_disc(box, (box - 1) // 2))
    projector, rng = SliceProjector(gmm, microscope.disc, truth.pixel_size), np.random.default_rng(8)
    with StackWriter(str(folder / "particles.mrcs"), len(truth), box, truth.pixel_size) as stack:
        for start in range(0, len(truth), 100):
            part = truth.subset(np.arange(start, min(start + 100, len(truth))))
            real, imag = projector.images(tf.constant(part.rotations, tf.float32))
            signal = microscope.own.inverse(seen_through(real.numpy() + 1j * imag.numpy(), microscope, part))
            stack.append(signal + rng.standard_normal(signal.shape, np.float32))
    with_optics(folder / "truth.star", like / "truth.star", rlnImageSize=[box])
    return folder


def grids(folder):
    """Particles of two grids, and of an odd box, beside one grid and beside RELION."""
    fine = simulate_group(folder / "fine", 96, 2.4, snr=0.3, seed=11, count=1200)
    coarse = simulate_same_dose(folder / "coarse", fine, 80, 2.88, seed=12, count=1200)
    shorter = simulate_same_dose(folder / "shorter", fine, 80, 2.5, seed=12, count=1200)
    truths = {size: simulate_group(folder / f"truth_{size[0]}", *size, snr=1, count=2) for size in ((94, 2.5), (98, 2.4))}
    half = {}
    for name, other in (("mixed", coarse), ("unequal", shorter)):
        whole = joined(folder / f"{name}_all.star", fine / "truth.star", other / "truth.star")
        half[name] = every_second(folder / f"{name}.star", whole)
    odd = odd_group(folder / "odd", fine, 97)
    rows = []
    for title, particles, truth, relions in (
        ("96 px of 2.4 Å", fine / "truth.star", fine, fine),
        ("80 px of 2.88 Å", coarse / "truth.star", coarse, coarse),
        ("half each of both", half["mixed"], coarse, fine),
        ("half each of 96 px of 2.4 Å and 80 px of 2.5 Å", half["unequal"], truths[94, 2.5], fine),
        ("97 px of 2.4 Å (odd)", odd / "truth.star", truths[98, 2.4], None),
    ):
        ours, halves = half_map(particles)
        (found, frequency), shells = curve(ours, truth), resolved(halves)
        relion, cells = relion_half_map(particles), ["", ""]
        if relion is not None:
            theirs, at = curve(relion, relions) if relions else odd_curve(relion, truth)
            theirs = np.interp(frequency, at, theirs)
            cells = [f"{theirs[shells].mean():.4f}", f"{(found - theirs)[shells].min():+.4f}"]
        rows.append((title, f"{len(ours)} px of {1 / (len(ours) * frequency[1]):.4g} Å", f"{found[shells].mean():.4f}", *cells))
    table(
        "Grids (1,200 particles, one dose, true poses; target: no shell more than 0.01 below RELION's)" + WITHOUT_RELION,
        ("images", "grid", "mean FSC to the truth", "RELION's", "smallest difference of a shell"),
        rows,
    )


def odd_curve(volume, truth):
    """``curve`` of a map in a box one px smaller than the truth's, its centre at voxel n // 2."""
    true, mask = read_map(truth / "truth.mrc"), read_map(truth / "mask.mrc").data
    inner = np.s_[1:, 1:, 1:]
    return (
        shell_correlation(volume * mask[inner], true.data[inner] * mask[inner]),
        np.arange(len(volume) // 2 + 1) / (len(volume) * true.voxel_size),
    )


def states(folder):
    """Raw, phase-flipped and premultiplied images side by side, held against the same images raw."""
    place = simulate_group(folder / "states", 80, 2.88, snr=0.3, seed=5, count=1200)
    third = np.arange(1200) % 3
    mixed = rewritten(place / "mixed.star", place / "truth.star", flipped=third == 1, premultiplied=third == 2)
    maps = [half_map(particles)[0] for particles in (place / "truth.star", mixed)]
    rows = [(name, f"{curve(volume, place)[0][1:39].mean():.5f}") for name, volume in zip(("raw", "a third each"), maps)]
    difference = np.abs(maps[1] - maps[0]).max() / maps[0].max()
    table(
        f"States of images; largest difference of the maps {difference:.1e} of the peak (target: none but "
        "that of grey values, measured anew)",
        ("images", "mean FSC to the truth"),
        rows,
    )


def poses(folder):
    """Refined poses of particles of one grid, of two, and with a distorted magnification."""
    fine = simulate_group(folder / "fine", 96, 2.4, snr=0.3, seed=11, count=1200)
    sets = {
        "80 px of 2.88 Å": simulate_same_dose(folder / "coarse", fine, 80, 2.88, seed=12, count=1200),
        "the same, magnification 2 % distorted": simulate_same_dose(
            folder / "distorted", fine, 80, 2.88, "--magnification-matrix", "1.02 0.01 -0.005 0.985", seed=12, count=1200
        ),
    }
    sets["half each with 96 px of 2.4 Å"] = place = folder / "mixed_poses"
    place.mkdir(exist_ok=True)
    for name in ("particles.star", "truth.star"):
        whole = joined(folder / "whole.star", fine / name, sets["80 px of 2.88 Å"] / name)
        every_second(place / name, whole)
    rows = []
    for title, where in sets.items():
        run = where / "refined"
        shutil.rmtree(run, ignore_errors=True)
        seconds = command("refine", where / "particles.star", "-o", run, "--iterations", 2)
        start, found, truth = (
            read_particles(path) for path in (where / "particles.star", run / "particles.star", where / "truth.star")
        )
        before, after = pose_errors(start, truth), pose_errors(found, truth)
        rows.append(
            (
                title,
                f"{before.rotation_rms:.2f} → {after.rotation_rms:.3f}",
                f"{before.shift_rms:.2f} → {after.shift_rms:.3f}",
                f"{seconds:.0f}",
            )
        )
    table(
        "Refined poses (1,200 particles, one dose, two iterations)",
        ("images", "rms rotation (°)", "rms shift (Å)", "seconds"),
        rows,
    )


def optics(folder):
    """All tables; simulated data go below ``folder``."""
    where = Path(folder).absolute()
    where.mkdir(parents=True, exist_ok=True)
    for part in (grids, states, aberrations_against_relion, what_is_lost, poses):
        part(where)
