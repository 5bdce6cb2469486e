"""Half maps, mask and curve as the commands write them."""

import numpy as np
import pytest
from small_run import BOX, PIXEL_SIZE, assert_refused, gmmrefine, record

from gmmrefine.io.curves import read_curves
from gmmrefine.io.mrc import read_map, read_mask
from gmmrefine.io.star_particles import read_particles, write_particles
from gmmrefine.maps.fsc import FscCurve, shell_correlation
from gmmrefine.pipelines.reconstruct import mean_correlation


@pytest.fixture(scope="module")
def at_truth(simulated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("truth")
    assert gmmrefine("reconstruct", simulated / "truth.star", "-o", folder).code == 0
    return folder


def test_curve_belongs_to_the_half_maps(at_truth):
    halves = [read_map(at_truth / f"half_map_{number}.mrc").data for number in (1, 2)]
    curves = read_curves(at_truth / "fsc.star")
    assert curves["gmmFscUnmasked"] == pytest.approx(shell_correlation(*halves), abs=1e-4)
    mask = read_mask(at_truth / "mask.mrc", BOX, PIXEL_SIZE)
    masked = shell_correlation(halves[0] * mask, halves[1] * mask)
    assert curves["gmmFscMasked"] == pytest.approx(masked, abs=1e-4)
    assert curves["gmmFrequency"] == pytest.approx(np.arange(BOX // 2 + 1) / (BOX * PIXEL_SIZE))


def test_map_is_the_mean_without_what_lies_beyond_the_resolution(at_truth):
    halves = [read_map(at_truth / f"half_map_{number}.mrc").data for number in (1, 2)]
    final = read_map(at_truth / "map.mrc").data
    correlation = shell_correlation(final, 0.5 * (halves[0] + halves[1]))
    shell = int(BOX * PIXEL_SIZE / record(at_truth)["results"]["resolution"])
    assert correlation[: shell - 2].min() > 0.999
    power = np.abs(np.fft.fftn(final)) ** 2
    assert power[BOX // 2].sum() < 1e-6 * power.sum()


def test_true_poses_give_a_better_map_than_wrong_ones(simulated, at_truth, tmp_path):
    assert gmmrefine("reconstruct", simulated / "particles.star", "-o", tmp_path).code == 0
    assert record(at_truth)["results"]["resolution"] < record(tmp_path)["results"]["resolution"]


def test_strong_images_weigh_more_when_asked(simulated, at_truth, tmp_path):
    """Strengths of 1 change nothing; with strengths of 0 for one particle in two its images are not there."""
    particles = read_particles(simulated / "truth.star")
    maps = {}
    for name, scale in (("ones", np.ones(len(particles))), ("every_other", np.arange(len(particles)) // 2 % 2)):
        write_particles(tmp_path / f"{name}.star", particles, {"gmmScale": scale})
        folder = tmp_path / name
        assert gmmrefine("reconstruct", tmp_path / f"{name}.star", "-o", folder, "--weight-by-scale").code == 0
        maps[name] = read_map(folder / "half_map_1.mrc").data
    write_particles(tmp_path / "some.star", particles.subset(np.arange(len(particles)) // 2 % 2 == 1))
    assert gmmrefine("reconstruct", tmp_path / "some.star", "-o", tmp_path / "some").code == 0
    for found, expected in (
        (maps["ones"], read_map(at_truth / "half_map_1.mrc").data),
        (maps["every_other"], read_map(tmp_path / "some" / "half_map_1.mrc").data),
    ):
        assert found == pytest.approx(expected, abs=1e-4 * np.abs(expected).max())


def test_images_of_uncertain_poses_weigh_less_when_asked(simulated, at_truth, tmp_path):
    """Poses known exactly change nothing; of one particle in two nothing is known, and its fine detail is not there."""
    particles = read_particles(simulated / "truth.star")
    maps, every_other = {}, np.arange(len(particles)) // 2 % 2 == 1
    for name, deviation in (("sure", np.zeros(len(particles))), ("every_other", np.where(every_other, 0, 90.0))):
        columns = dict.fromkeys((f"gmmCovariance{number}" for number in range(1, 16)), np.full(len(particles), 1e-12))
        columns.update(dict.fromkeys(("gmmCovariance13", "gmmCovariance15"), 1e-12 + deviation**2))
        write_particles(tmp_path / f"{name}.star", particles, columns)
        assert gmmrefine("reconstruct", tmp_path / f"{name}.star", "-o", tmp_path / name, "--weight-by-pose-error").code == 0
        maps[name] = read_map(tmp_path / name / "half_map_1.mrc").data
    write_particles(tmp_path / "some.star", particles.subset(every_other))
    assert gmmrefine("reconstruct", tmp_path / "some.star", "-o", tmp_path / "some").code == 0
    plain = read_map(at_truth / "half_map_1.mrc").data
    assert maps["sure"] == pytest.approx(plain, abs=1e-4 * np.abs(plain).max())
    fine = shell_correlation(maps["every_other"], read_map(tmp_path / "some" / "half_map_1.mrc").data)
    assert fine[3:18].min() > 0.999  # 90 Å of blur is gone from the third shell on
    outcome = gmmrefine("reconstruct", simulated / "truth.star", "-o", tmp_path / "none", "--weight-by-pose-error")
    assert_refused(outcome, "reconstruct", "--weight-by-pose-error: the particles have no gmmCovariance1 to gmmCovariance15")


def test_mean_correlation_leaves_out_the_origin_and_what_is_below_zero():
    fsc = np.array([1.0, 0.8, 0.4, -0.6])
    curve = FscCurve(fsc, fsc, fsc, fsc, fsc, box_size=6, pixel_size=1.0)
    assert mean_correlation(curve) == pytest.approx(0.4)
