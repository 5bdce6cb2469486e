"""Oligomers with a flexible part in one copy or in all: expanded, refined in one part, symmetry put back; against C1."""

import numpy as np
import pytest
from small_run import gmmrefine, record

from gmmrefine.geometry.symmetry import point_group
from gmmrefine.io.half_sets_file import half_sets_beside
from gmmrefine.io.mrc import half_maps_in, read_map, read_mask
from gmmrefine.io.star_particles import read_particles
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.fsc import gold_standard_fsc, shell_correlation
from gmmrefine.maps.turn import turned
from gmmrefine.validation.pose_error import pose_errors

BOX, PIXEL_SIZE, PARTICLES = 64, 3.3, 400
SWING = "chain A and 390-640,1208-1440: 12"
BAND = slice(2, 30)  # shells up to 7 Å


def run(*arguments):
    outcome = gmmrefine(*arguments)
    assert outcome.code == 0, outcome.err
    return outcome.out


@pytest.fixture(scope="module", params=[("C2", "all"), ("C3", "one")], ids="-".join)
def oligomer(request):
    """Point group, and which copies swing."""
    return request.param


@pytest.fixture(scope="module")
def chain(oligomer, tmp_path_factory):
    """Folder of all steps."""
    symmetry, moving = oligomer
    place = tmp_path_factory.mktemp("oligomer")
    run(
        "simulate",
        "6msm",
        "-o",
        place,
        "--particles",
        PARTICLES,
        "--box",
        BOX,
        "--pixel-size",
        PIXEL_SIZE,
        "--snr",
        0.3,
        "--pose-error",
        2,
        "--shift-error",
        1,
        "--symmetry",
        symmetry,
        "--swing",
        SWING,
        "--moving-copies",
        moving,
    )
    mask, cheap = place / "mask_domain_1.mrc", ("--gaussians", 1000, "--fit-evaluations", 15, "--iterations")
    run("refine", place / "particles.star", "-o", place / "global", "--symmetry", symmetry, *cheap, 1)
    run("expand-symmetry", place / "global" / "particles.star", "-o", place / "expanded", "--symmetry", symmetry)
    for particles, name in (("global", "c1"), ("expanded", "focus")):
        run("refine", place / particles / "particles.star", "-o", place / name, "--focus-mask", mask, *cheap, 2)
    said = run(
        "impose-symmetry",
        place / "focus",
        "--mask",
        mask,
        "--symmetry",
        symmetry,
        "-o",
        place / "imposed",
        "--background",
        place / "global",
    )
    assert "note: half sets" not in said
    return place


def quality(place, name):
    """Resolution of a step's half maps in the flexible part, and their mean FSC to the truth there."""
    mask, truth = read_mask(place / "mask_domain_1.mrc", BOX, PIXEL_SIZE), read_map(place / "truth.mrc").data
    halves = [read_map(path).data for path in half_maps_in(place / name)]
    resolution = gold_standard_fsc(*halves, mask, PIXEL_SIZE, seed=1).resolution()
    return resolution, shell_correlation((halves[0] + halves[1]) * mask, truth * mask)[BAND].mean()


def true_copies(place, copies):
    """An expanded set at the true poses of the flexible part of every copy."""
    truth = [read_particles(place / f"truth_domain_{number}.star") for number in (1, 2)]
    rotations = np.stack([one.rotations @ turn for one, turn in zip(truth, point_group("C2"))], axis=1)
    return copies.with_poses(rotations.reshape(-1, 3, 3), np.stack([one.shifts for one in truth], axis=1).reshape(-1, 2))


@pytest.mark.slow
def test_symmetry_put_back_is_at_least_as_good_as_c1(oligomer, chain):
    symmetry, moving = oligomer
    (alone, c1), (together, imposed) = (quality(chain, name) for name in ("c1", "imposed"))
    assert together <= alone and imposed > c1
    if moving == "all":
        start, focused = (read_particles(chain / name / "particles.star") for name in ("expanded", "focus"))
        before, after = (pose_errors(copies, true_copies(chain, copies)).rotation_rms for copies in (start, focused))
        assert after < 0.8 * before
    half = low_pass(read_map(chain / "imposed" / "half_map_1.mrc").data, 0.7 * BOX / 2)  # as finely as a turn is exact
    inside = read_mask(chain / "imposed" / "mask.mrc", BOX, PIXEL_SIZE) == 1
    for operator in point_group(symmetry)[1:]:
        assert np.std((turned(half, operator) - half)[inside]) < 0.03 * np.std(half[inside])
    assert record(chain / "expanded")["results"]["symmetry_agreement"] > 0.9


@pytest.mark.slow
def test_half_sets_stay_apart_from_end_to_end(chain):
    steps = [half_sets_beside(*map(str, half_maps_in(chain / name))) for name in ("global", "c1", "focus", "imposed")]
    for half_sets in steps:
        assert len(half_sets.first) == len(half_sets.second) == PARTICLES // 2
        assert not np.intersect1d(half_sets.first, half_sets.second).size
        assert half_sets.shared(steps[0]) == PARTICLES and half_sets.crossed(steps[0]) == 0
