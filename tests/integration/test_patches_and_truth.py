"""Patches of a molecule with a moving domain, against the truth."""

import pytest
from small_run import gmmrefine

from gmmrefine.io.mrc import read_mask
from gmmrefine.io.star_particles import read_particles
from gmmrefine.pipelines.patch_geometry import read_patches
from gmmrefine.validation.pose_error import displacement_rms

BOX, PIXEL_SIZE = 64, 2.7


@pytest.mark.slow
def test_patches_that_move_improve_and_those_that_rest_do_not_get_worse(tmp_path):
    """Against the true poses of the body that each patch belongs to."""
    simulated, whole, patches = (tmp_path / name for name in ("simulated", "global", "patches"))
    for command in (
        (
            "simulate",
            "6msm",
            "-o",
            simulated,
            "--particles",
            1000,
            "--box",
            BOX,
            "--pixel-size",
            PIXEL_SIZE,
            "--snr",
            0.3,
            "--swing",
            "chain A and 390-640,1208-1440: 8",
            "--pose-error",
            2,
            "--shift-error",
            1,
        ),
        ("refine", simulated / "particles.star", "-o", whole, "--iterations", 2),
        ("refine-patches", whole / "particles.star", "-o", patches, "--patches", 4, "--patch-iterations", 2),
    ):
        outcome = gmmrefine(*command)
        assert outcome.code == 0, outcome.err
    domain, molecule = (read_mask(simulated / name, BOX, PIXEL_SIZE) for name in ("mask_domain_1.mrc", "mask.mrc"))
    before, kinds = read_particles(whole / "particles.star"), []
    for number, patch in enumerate(read_patches(str(patches / "patches.star")), 1):
        folder = patches / f"patches/{number:02d}"
        inside = read_mask(folder / "focus_mask.mrc", BOX, PIXEL_SIZE) * molecule
        moves = (inside * domain).sum() > 0.5 * inside.sum()
        truth = read_particles(simulated / ("truth_domain_1.star" if moves else "truth.star"))
        start, end = (
            displacement_rms(one, truth, patch.spheres[0]) for one in (before, read_particles(folder / "particles.star"))
        )
        assert end < (0.8 if moves else 1.05) * start, (number, moves, start, end)
        kinds.append(moves)
    assert 0 < sum(kinds) < 4
