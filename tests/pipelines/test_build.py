"""A GMM built from a map that is known."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from molecules import molecule

from gmmrefine.errors import InputError
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import render_map
from gmmrefine.io.curves import read_curves
from gmmrefine.io.gmm_file import read_gmm
from gmmrefine.io.mrc import Volume, read_map
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.mask import soft_mask
from gmmrefine.pipelines.build import build, gmm_of_map
from gmmrefine.progress import Progress
from gmmrefine.settings import BuildSettings, changed, coarsest_resolution, nyquist_text

BOX, PIXEL_SIZE, RADIUS = 32, 2.5, 13


@pytest.fixture(scope="module")
def volume():
    return render_map(molecule(), BOX, PIXEL_SIZE)


def settings(**changes):
    return BuildSettings(**dict({"gaussians": "60", "fit_evaluations": 25}, **changes))


def run_in(folder):
    return SimpleNamespace(path=lambda name: str(folder / name), progress=Progress(None, io.StringIO()))


def fit(volume, **where):
    mask = soft_mask(volume, PIXEL_SIZE, 10)
    weights = np.where(np.arange(RADIUS + 1) >= 2, 1.0, 0)
    return gmm_of_map(volume, mask, PIXEL_SIZE, weights, settings(), Progress(None, io.StringIO()), **where)


def test_agreement_with_the_map(volume):
    gmm, curve = fit(volume)
    assert len(curve) == RADIUS + 1 and curve[2:].mean() > 0.97 and curve[2:].min() > 0.9
    assert 40 < len(gmm) <= 60 and gmm.amplitudes.min() > 0 and gmm.widths.min() > 0
    # it lies where the molecule lies
    weights = gmm.amplitudes / gmm.amplitudes.sum()
    known = molecule()
    assert weights @ gmm.centers == pytest.approx(known.amplitudes @ known.centers / known.amplitudes.sum(), abs=0.7)


def test_seed_half_and_iteration_decide_the_start(volume):
    one, again, other = (fit(volume, iteration=1, half=half)[0].centers for half in (1, 1, 2))
    assert (one == again).all()
    assert one.shape != other.shape or not np.allclose(one, other)


def test_files_and_results(volume, tmp_path):
    run = run_in(tmp_path)
    given = Volume(volume, PIXEL_SIZE, np.array([5.0, 6, 7]))
    results = build(given, settings(resolution=7.0), run)
    curves = read_curves(tmp_path / "gmm_fsc.star")
    assert curves["gmmFrequency"][-1] == pytest.approx(1 / results["resolution"], rel=1e-4)
    assert results["mean_fsc"] == pytest.approx(curves["gmmFsc"][2:].mean(), abs=1e-4) and results["mean_fsc"] > 0.95
    assert results["gaussians"] == len(read_gmm(tmp_path / "gmm.star"))
    rendered = read_map(tmp_path / "gmm_map.mrc")
    assert rendered.origin == pytest.approx([5, 6, 7])
    assert np.corrcoef(rendered.data.ravel(), volume.ravel())[0, 1] > 0.9


def test_more_gaussians_than_the_map_has_room_for(volume):
    """Said once for all maps of a run, with the number of the first."""
    said, kept = io.StringIO(), {}
    progress = Progress(None, said, keep=kept.__setitem__)
    mask = soft_mask(volume, PIXEL_SIZE, 10)
    weights = np.where(np.arange(RADIUS + 1) >= 2, 1.0, 0)
    room = 4 * np.sum((low_pass(volume, RADIUS) * mask > 0.9 * volume.max()) & (mask > 0.5))
    assert 4 < room < 60
    few = settings(threshold=0.9 * volume.max(), fit_evaluations=2)
    for iteration in (1, 2):
        gmm, _ = gmm_of_map(volume, mask, PIXEL_SIZE, weights, few, progress, iteration=iteration, half=2)
        assert 0 < len(gmm) <= room
    text = (
        f"60 Gaussians were asked for, but the map (iteration 1, half 2) has room for {room}, 4 in every voxel of the "
        "molecule; every map gets as many as it has room for"
    )
    assert kept == {"gaussians": text} and said.getvalue().count(f"note: {text}\n") == said.getvalue().count("note:") == 1
    few, none = changed(few, gaussians="auto"), {}
    gmm_of_map(volume, mask, PIXEL_SIZE, weights, few, Progress(None, io.StringIO(), keep=none.__setitem__))
    assert none == {}


@pytest.mark.parametrize("pixel_size", (2.16, 0.86))
def test_nyquist_of_a_header_in_single_precision(pixel_size, tmp_path):
    """The resolution of a run at Nyquist, for a map of that run: half a part in ten million finer than the header's."""
    single = float(np.float32(pixel_size))
    assert 2 * pixel_size < 2 * single  # what failed at the end of GMM patch refine
    known = molecule()
    volume = render_map(Gmm(known.centers / 8 * pixel_size, known.amplitudes, known.widths / 2 * pixel_size), 16, single)
    run = run_in(tmp_path)
    for resolution in (2 * pixel_size, float(nyquist_text(single)), coarsest_resolution(16, pixel_size)):
        results = build(
            Volume(volume, single, np.zeros(3)),
            settings(resolution=resolution, gaussians="8", fit_evaluations=1, mask_resolution=6 * pixel_size),
            run,
        )
        assert results["resolution"] == pytest.approx(max(resolution, 16 * pixel_size / 7), rel=1e-3)


def test_resolution_beyond_nyquist(volume, tmp_path):
    run = run_in(tmp_path)
    with pytest.raises(InputError, match=r"--resolution 4 Å is beyond Nyquist of the map \(5.00 Å for voxels of 2.5 Å\)"):
        build(Volume(volume, PIXEL_SIZE, np.zeros(3)), settings(resolution=4.0), run)
    assert not list(tmp_path.iterdir())


def test_the_number_follows_the_volume_of_the_molecule_not_the_ridges_of_a_fine_map():
    """Of thin walls about hollows only the walls are dense in a fine map; Gaussians must follow what lies between, too."""
    axis = np.arange(48) * 2 * np.pi / 6
    waves = np.cos(axis)[:, None, None] + np.cos(axis)[:, None] + np.cos(axis)
    middle = np.arange(48) - 24
    ball = np.sqrt(middle[:, None, None] ** 2 + middle[:, None] ** 2 + middle**2) < 14
    volume = (ball * (0.4 + np.maximum(waves, 0) ** 3)).astype(np.float32)
    mask = soft_mask(volume, 1.0, 10)
    few = settings(gaussians="auto", fit_evaluations=1)
    gmm, _ = gmm_of_map(volume, mask, 1.0, np.ones(17), few, Progress(None, io.StringIO()), iteration=1, half=1)
    volume_of_ball = 4 / 3 * np.pi * 14**3
    assert len(gmm) == pytest.approx(volume_of_ball * (0.85 / (0.65 * 3)) ** 3, rel=0.35)
