"""The FSC of a map with its model, and what is seen of a map's treatment."""

from dataclasses import replace

import numpy as np
import pytest
from model_maps import map_of_atoms

from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.mrc import MapGrid
from gmmrefine.validation.map_character import constant_part, cut_part, is_noise_raised, noise_rise
from gmmrefine.validation.model_fsc import ModelInMap

SIZES = np.array([1.1, 1.0, 1.2])


@pytest.fixture(scope="module")
def atoms():
    """Atoms of 6MSM within 14 Å of a place, without B factors."""
    whole = read_atoms(embedded_model())
    near = np.linalg.norm(whole.positions - whole.positions[4000], axis=1) < 14
    return replace(whole.subset(near), b_factors=np.zeros(near.sum()))


@pytest.fixture(scope="module")
def grid(atoms):
    low = atoms.positions.min(axis=0) - 11
    shape = tuple(np.ceil((np.ptp(atoms.positions, axis=0) + 22) / SIZES).astype(int)[::-1])
    return map_of_atoms(atoms.positions, atoms.atomic_numbers, (shape, SIZES, low), 0.9)


def spectrum(grid, change):
    """The map with its transform times ``change`` of the squared frequency (1/Å²)."""
    k2 = sum(
        axis**2
        for axis in np.meshgrid(
            *[np.fft.fftfreq(size, step) for size, step in zip(grid.data.shape, SIZES[::-1])], indexing="ij"
        )
    )
    return np.fft.ifftn(np.fft.fftn(grid.data) * change(k2)).real


def test_a_map_of_the_model_agrees_up_to_nyquist_whatever_its_scale(atoms, grid):
    model = ModelInMap(atoms, grid)
    for data in (grid.data, 1e-20 * grid.data - 3e-20, spectrum(grid, lambda k2: np.exp(-20 * k2))):
        curve = model.fsc(data)
        assert curve.fsc[1:].min() > 0.6 and curve.fsc[1:-6].min() > 0.95 and curve.resolution == pytest.approx(2.4)
    assert str(curve) == "2.40 Å (above 0.5 up to Nyquist)"
    assert model.fsc(-grid.data).resolution is None


def test_the_resolution_is_where_signal_gives_way_to_noise(atoms, grid, rng):
    noise = MapGrid(rng.normal(size=grid.data.shape), SIZES, grid.origin)
    for limit in (3.5, 5.0):
        data = spectrum(grid, lambda k2, d=limit: k2 < 1 / d**2)
        data = data + grid.data.std() * spectrum(noise, lambda k2, d=limit: k2 >= 1 / d**2)
        curve = ModelInMap(atoms, grid).fsc(data)
        assert curve.resolution == pytest.approx(limit, abs=0.35)
        assert curve.fsc[-4:].max() < 0.4


def test_solvent_noise_is_masked_and_b_factors_count(atoms, grid, rng):
    model = ModelInMap(atoms, grid)
    far = model.mask == 0
    assert far.any() and model.mask.max() == 1
    tip = replace(atoms, b_factors=np.where(atoms.positions[:, 0] > np.median(atoms.positions[:, 0]), 200.0, 0.0))
    assert ModelInMap(tip, grid).fsc(grid.data).fsc[-5:].mean() < model.fsc(grid.data).fsc[-5:].mean() - 0.05
    moved = replace(atoms, positions=atoms.positions + 2.0)
    assert ModelInMap(moved, grid).fsc(grid.data).resolution > 6


def test_noise_that_sharpening_raised_is_seen_and_a_sharp_map_is_not(atoms, grid, rng):
    noisy = replace(grid, data=grid.data + 0.3 * grid.data.std() * rng.normal(size=grid.data.shape))
    model, rises = ModelInMap(atoms, grid), {}
    for name, data in {
        "as it is": noisy.data,
        "sharpened": spectrum(noisy, lambda k2: np.exp(35 * k2)),
        "low-passed": spectrum(noisy, lambda k2: np.exp(35 * k2) * (k2 < 0.06)),
        "clean": spectrum(grid, lambda k2: np.exp(10 * k2)),
    }.items():
        rises[name] = noise_rise(model.power(data), model.fsc(data).frequency, model.fsc(data).fsc)
    assert is_noise_raised(rises["sharpened"], rises["as it is"]) and is_noise_raised(rises["sharpened"])
    assert not any(is_noise_raised(rises[name]) for name in ("as it is", "low-passed", "clean")), rises
    assert not is_noise_raised(1.0, 0.9)


def test_constant_regions_and_cut_values(grid, rng):
    noise = rng.normal(size=(20, 24, 22)).astype(np.float32)
    assert constant_part(noise) == (0.0, 0.0) and cut_part(noise) == 0
    masked = noise.copy()
    masked[:8] = 0.5
    assert constant_part(masked) == pytest.approx((0.5, 0.4))
    assert constant_part(np.rint(3 * noise)) == (0.0, 0.0)
    assert cut_part(np.minimum(noise, 1.0)) == pytest.approx(0.16, abs=0.02)
