"""Conventions against other programs: RELION's projections of a point mass, and the poses of a cryoSPARC refinement.

Usage: GMMREFINE_TEST_DATA=folder python benchmarks/interoperability.py (default ../shared/data next to the checkout)
"""

import os
import sys
from pathlib import Path

import numpy as np
from stage import table

from gmmrefine.backend import tf
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.project import ExactProjector
from gmmrefine.io.cryosparc import read_cs
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.particles.images import ImageReader

POINT_MASS = (17.0, 0.0, 0.0)  # px from the box centre
NARROW = 0.05  # px: as good as a point


def relion_correlations(folder):
    """Correlation of one projected Gaussian, with CTF and origins, with each image of RELION."""
    particles = read_particle_set(folder / "relion_projection" / "relion_proj_batch_pfac3.star")
    disc, pixel_size = half_disc(particles.box_size, particles.box_size // 2 - 1), particles.pixel_size
    point = Gmm(np.array([POINT_MASS]) * pixel_size, np.ones(1), np.full(1, NARROW * pixel_size))
    batch = ImageReader(particles, disc).read(np.arange(len(particles)))
    real, imag = ExactProjector(point, disc, pixel_size).images(tf.constant(particles.rotations, tf.float32))
    phase = particles.shifts @ np.stack([disc.kx, disc.ky]) * (2 * np.pi / (disc.box_size * pixel_size))
    model = (real.numpy() + 1j * imag.numpy()) * np.exp(1j * phase) * batch.ctf
    cross = np.sum((model * np.conj(batch.data)).real[:, 1:], axis=1)
    return cross / np.sqrt(np.sum(np.abs(model[:, 1:]) ** 2, axis=1) * np.sum(np.abs(batch.data[:, 1:]) ** 2, axis=1))


def cryosparc_differences(folder):
    """Largest deviation of the rotations and of the translations (fractions of the box) from the expected ones."""
    particles = read_cs(folder / "metadata" / "cryosparc_P12_J24_001_particles.cs")
    expected = np.load(folder / "metadata" / "cryosparc_P12_J24_expected_poses.npz")
    translations = particles.shifts / (particles.box_size * particles.pixel_size)
    return (
        len(particles),
        np.abs(particles.rotations - expected["rotations"]).max(),
        np.abs(translations - expected["translations_fraction_of_box"]).max(),
    )


def main():
    """Measure and print the table; exit code 1 when a target is missed."""
    repository = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("GMMREFINE_TEST_DATA", repository / ".." / "shared" / "data"))
    if not folder.is_dir():
        print(f"{folder} is not there; set GMMREFINE_TEST_DATA to the folder with files of other programs")
        return 1
    correlations = relion_correlations(folder)
    count, rotation, translation = cryosparc_differences(folder)
    table(
        "Against RELION 3.1 and cryoSPARC",
        ("what", "measured", "target"),
        (
            (
                f"projection of a point mass, {len(correlations)} images: smallest correlation",
                f"{correlations.min():.5f}",
                "≥ 0.998",
            ),
            (f"rotations of {count} particles: largest difference", f"{rotation:.1e}", "≤ 1e-5"),
            ("their translations, fraction of the box: largest difference", f"{translation:.1e}", "≤ 1e-5"),
        ),
    )
    return int(correlations.min() < 0.998 or max(rotation, translation) > 1e-5)


if __name__ == "__main__":
    sys.exit(main())
