"""Motions learned from particles, and poses made of them: one NBD of 6MSM on a hinge, two states, and a rigid molecule.

Usage: python benchmarks/heterogeneity.py [folder for the simulated data] [memory|speed|swing|states|rigid …]
"""

import json
import os
import sys
import tempfile
import time

import numpy as np
from scipy.stats import spearmanr
from stage import command, simulated, table

from gmmrefine.backend import tf
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.rotations import angular_distance_deg, rotation_vectors
from gmmrefine.gmm.mask import membership
from gmmrefine.gmm.model import Gmm
from gmmrefine.heterogeneity.anchors import place_anchors
from gmmrefine.heterogeneity.model import Images, MotionModel
from gmmrefine.heterogeneity.motion import motion_from
from gmmrefine.heterogeneity.rigid import rigid_motions
from gmmrefine.heterogeneity.train import Trainer
from gmmrefine.io.mrc import read_map
from gmmrefine.io.network_file import read_arrays
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import write_particles
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.runs.command_record import peak_memory_mb
from gmmrefine.validation.pose_error import pose_errors

DOMAIN = "chain A and 1208-1440"
NBD = f"{DOMAIN} about chain A and 1204-1210"  # at the linker: it turns in its place
NBD_FAR = f"{DOMAIN} about chain A and 860-870"  # at the membrane, 59 Å from the domain's centre: it moves away
PARTICLES = {"particles": 4000, "box": 64, "pixel_size": 2.5, "snr": 0.1}
DRAWS = 20  # of latents from each particle's posterior


def prepared(folder, swing):
    """Simulated particles and their global refinement; the folder of that."""
    simulated(folder, **PARTICLES, **({"swing": swing} if swing else {}))
    output = os.path.join(folder, "global")
    if not os.path.exists(os.path.join(output, "particles.star")):
        command("refine", os.path.join(folder, "particles.star"), "-o", output)
    return output


def results_of(folder):
    """Results in a run's record."""
    with open(os.path.join(folder, "run.json"), encoding="utf-8") as file:
        return json.load(file)["results"]


def true_angles(folder):
    """Signed angle (N,) in degrees by which the domain stands off the model, and the axis (3,)."""
    body, domain = (read_particle_set(os.path.join(folder, name)) for name in ("truth.star", "truth_domain_1.star"))
    vectors = rotation_vectors(np.swapaxes(body.rotations, 1, 2) @ domain.rotations)
    axis = vectors[np.linalg.norm(vectors, axis=1).argmax()]
    axis = axis / np.linalg.norm(axis)
    return np.degrees(vectors @ axis), axis


def latents(folder):
    """Latents (N, D), their deviations (N, D) and half sets (N,) of a heterogeneity run."""
    block = read_star(os.path.join(folder, "latent.star"))["latent"]
    size = sum(label.startswith("gmmLatentError") for label in block.columns)
    columns = [[block.numbers(f"gmmLatent{kind}{axis + 1}") for axis in range(size)] for kind in ("", "Error")]
    return (*(np.column_stack(part) for part in columns), block.numbers("rlnRandomSubset").astype(int))


def angles_of(folder, number, latent, mask, pixel_size, axis):
    """Angles (n,) in degrees by which a half's network turns Gaussians wholly inside a mask against those wholly outside."""
    motion = motion_from(*read_arrays(os.path.join(folder, f"network_half_{number}.npz")))
    gmm = motion.gmm()
    domain = membership(gmm, mask, pixel_size)
    field = motion.displacements_of(gmm.centers, motion.mobility, latent).astype(float)
    masses = np.maximum(gmm.masses, 0)
    own, rest = (rigid_motions(gmm.centers, field, masses * part)[0] for part in (domain > 0.99, domain == 0))
    return np.degrees(rotation_vectors(np.swapaxes(rest, 1, 2) @ own) @ axis)


def swing_rows(folder, learned):
    """How well each half's latents follow the planted angle."""
    angles, axis = true_angles(folder)
    mask = read_map(os.path.join(learned, "focus_mask.mrc"))
    latent, error, half_set = latents(learned)
    rng, rows = np.random.default_rng(0), []
    for number in (1, 2):
        mine = half_set == number
        draws = np.concatenate([latent[mine] + error[mine] * rng.normal(size=latent[mine].shape) for _ in range(DRAWS)])
        found = angles_of(learned, number, draws[:: DRAWS // 2], mask.data, mask.voxel_size, axis)
        follows = abs(spearmanr(latent[mine, 0], angles[mine])[0])
        rows.append(
            (
                f"half {number}",
                f"{follows:.3f}",
                f"{angles[mine].std():.2f}",
                f"{found.std():.2f}",
                f"{100 * (found.std() / angles[mine].std() - 1):+.0f} %",
            )
        )
    return rows


def fsc_half(folder, maps):
    """Resolution in Å at which the FSC of a map with the true one falls to 0.5 in the domain, and the mean of that FSC.

    Corrected for what the mask correlates, as that of half maps: where a smeared domain has no signal, its mask still has.
    """
    truth, mask = (read_map(os.path.join(folder, name)) for name in ("truth.mrc", "mask_domain_1.mrc"))
    both = sum(read_map(os.path.join(maps, f"half_map_{number}.mrc")).data for number in (1, 2))
    curve = gold_standard_fsc(both, truth.data, mask.data, truth.voxel_size)
    return curve.resolution(0.5), float(curve.fsc[2 : len(truth.data) // 2].mean())


def swing_tables(folder):
    """Latents, amplitudes and converted poses of a domain that swings about a near and about a far hinge."""
    for name, swing, title in (
        ("swing", NBD, "in its place, hinge at the linker"),
        ("far", NBD_FAR, "about the membrane, 59 Å away"),
    ):
        swing_table(os.path.join(folder, name), swing, title)


def swing_table(place, swing, title):
    """Latents, amplitudes and converted poses of a swinging domain."""
    start, learned = prepared(place, f"{swing}: -10..10"), os.path.join(place, "learned")
    region = ("--focus-model", os.path.join(place, "model.cif"), "--focus-selection", DOMAIN, "--focus-edge", 2)
    seconds = command("heterogeneity", os.path.join(start, "particles.star"), "-o", learned, "--anchors", 16, *region)
    table(
        f"One NBD of 6MSM swings through 20° {title}: 4,000 particles, box 64, 2.5 Å/px, SNR 0.1 (target: Spearman "
        "≥ 0.9, amplitude within 20 %)",
        ("half", "Spearman, first latent and angle", "true deviation of the angle (°)", "learned (°)", "difference"),
        swing_rows(place, learned),
    )
    print(results_of(learned)["verdict"], f"({seconds:.0f} s)")
    truth, mask_file = read_particle_set(os.path.join(place, "truth_domain_1.star")), os.path.join(learned, "focus_mask.mrc")
    command(
        "refine",
        os.path.join(start, "particles.star"),
        "-o",
        os.path.join(place, "focus"),
        "--focus-mask",
        mask_file,
        "--iterations",
        3,
    )
    converted = os.path.join(place, "converted")
    command("conformation-to-pose", learned, "-o", converted, "--focus-mask", mask_file, "--iterations", 3)
    rows, before = [], None
    for treatment, name in (("global", "global"), ("focused", "focus"), ("converted, then focused", "converted")):
        output = os.path.join(place, name)
        errors = pose_errors(read_particle_set(os.path.join(output, "particles.star")), truth)
        resolution, mean = fsc_half(place, output)
        before = before or (errors.rotation_rms, resolution)
        rows.append(
            (
                treatment,
                f"{errors.rotation_rms:.2f}",
                f"{100 * (errors.rotation_rms / before[0] - 1):+.0f} %",
                f"{errors.shift_rms:.2f}",
                f"{resolution:.2f}",
                f"{100 * (resolution / before[1] - 1):+.0f} %",
                f"{mean:.4f}",
            )
        )
    table(
        "Its poses and its map (target: rms error halved, FSC 0.5 to the truth 25 % finer)",
        (
            "treatment",
            "rms rotation of the domain (°)",
            "change",
            "rms shift (Å)",
            "FSC 0.5 to the truth (Å)",
            "change",
            "mean FSC",
        ),
        rows,
    )
    print(results_of(converted)["verdict"])


def states_table(folder):
    """Two states, half of the particles each."""
    place = os.path.join(folder, "states")
    start = prepared(place, f"{NBD}: -10,10")
    learned = os.path.join(place, "learned")
    command("heterogeneity", os.path.join(start, "particles.star"), "-o", learned)
    angles, _ = true_angles(place)
    latent, _, half_set = latents(learned)
    rows = []
    for number in (1, 2):
        mine = half_set == number
        border = two_groups(latent[mine, 0])
        right = np.mean((latent[mine, 0] > border) == (angles[mine] > 0))
        rows.append((f"half {number}", f"{100 * max(right, 1 - right):.1f} %"))
    table("Two states 20° apart, 50:50 (target: ≥ 95 % on the right side)", ("half", "particles on the right side"), rows)


def two_groups(values):
    """The border between two groups of numbers (n,), by two-means; no truth is used."""
    border = values.mean()
    for _ in range(50):
        border = 0.5 * (values[values > border].mean() + values[values <= border].mean())
    return border


def rigid_table(folder):
    """A molecule that does not move."""
    place = os.path.join(folder, "rigid")
    start = prepared(place, "")
    learned, converted = os.path.join(place, "learned"), os.path.join(place, "converted")
    region = ("--focus-model", os.path.join(place, "model.cif"), "--focus-selection", DOMAIN, "--focus-edge", 2)
    command("heterogeneity", os.path.join(start, "particles.star"), "-o", learned, "--anchors", 16, *region)
    command("conformation-to-pose", learned, "-o", converted, "--iterations", 3)
    before, after = (read_particle_set(os.path.join(one, "particles.star")) for one in (start, converted))
    turned = angular_distance_deg(before.rotations, after.rotations).max()
    results = results_of(learned)
    table(
        "A rigid molecule (target: no motion reported, poses unchanged)",
        ("verdict", "largest change of a pose (°)"),
        [(results["verdict"], f"{turned:.4f}")],
    )


def events_of(folder, step):
    """Events of a step in a run's log, those that ended it."""
    with open(os.path.join(folder, "events.jsonl"), encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    return [event for event in events if event["step"] == step and "seconds" in event]


def speed_table(folder):
    """Training next to pose refinement, and what memory grows with."""
    place = os.path.join(folder, "swing")
    start = prepared(place, f"{NBD}: -10..10")
    particles, rows = read_particle_set(os.path.join(start, "particles.star")), []
    for count in (1000, 4000):
        part, output = os.path.join(place, f"first_{count}.star"), os.path.join(place, f"first_{count}")
        write_particles(part, particles.subset(np.arange(count)))
        command("heterogeneity", part, "-o", output, "--epochs", 2)
        with open(os.path.join(output, "run.json"), encoding="utf-8") as file:
            memory = json.load(file)["peak_memory_mb"]
        train = events_of(output, "train")[-1]["seconds"] / (0.45 * count)
        rows.append((f"heterogeneity, {count} particles", f"{1e3 * train:.1f}", f"{memory:.0f}"))
    refined = events_of(start, "refine poses")[-1]["seconds"] / (len(particles) / 2)
    rows.append(("pose refinement of the last iteration", f"{1e3 * refined:.1f}", ""))
    table(
        "An epoch next to a pass of pose refinement; memory of this process so far",
        ("what", "ms per particle", "peak memory (MB)"),
        rows,
    )


def memory_table(folder):
    """Peak memory of a training step with 8,000 Gaussians; ``folder`` is not used."""
    rng, batch = np.random.default_rng(0), 32
    gmm = Gmm(rng.normal(0, 25, (8000, 3)), np.ones(8000), np.full(8000, 2.0))
    disc = half_disc(128, 40)
    samples = len(disc.kx)
    before = peak_memory_mb()
    model = MotionModel(
        gmm, np.ones(8000), [place_anchors(gmm.centers, 32, 1)], 2, rng, disc, 1.5, tf.ones([samples]), tf.ones([samples])
    )
    shapes = (2, 3), (2,), (samples,), (samples,), (samples,)
    images = Images(*(tf.constant(rng.normal(size=(batch, *shape)), tf.float32) for shape in shapes))
    trainer = Trainer(model, 1e-3, 1000)
    for _ in range(3):
        started = time.perf_counter()
        trainer.step(
            tf.zeros([batch, 387]), tf.zeros([batch, 2]), images, tf.zeros([batch]), tf.constant(1.0), tf.constant(1.0)
        )
        seconds = time.perf_counter() - started
    row = f"{before:.0f}", f"{peak_memory_mb():.0f}", f"{1e3 * seconds / batch:.0f}"
    header = "peak memory before (MB)", "after (MB)", "ms per particle"
    table("A training step, 8,000 Gaussians, 40 rings, 32 images", header, [row])


def main():
    """Print the tables asked for, all by default."""
    folder = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()
    tables = {"memory": memory_table, "speed": speed_table, "swing": swing_tables, "states": states_table, "rigid": rigid_table}
    wanted = sys.argv[2:] or list(tables)
    for name, show in tables.items():
        if name in wanted:
            show(folder)


if __name__ == "__main__":
    main()
