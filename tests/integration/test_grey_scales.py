"""The same map in units that differ by thirty powers of ten: the same resolution, masks, scores; maps in their own units."""

import numpy as np
import pytest
from model_maps import map_of_atoms

from gmmrefine.fourier.grey import grey_scale
from gmmrefine.gmm.fit import MapTarget, fit_gaussians
from gmmrefine.gmm.render import centered_from_map
from gmmrefine.gmm.seed import molecule_voxels, seed_gaussians
from gmmrefine.io.mrc import MapGrid, read_map, write_map
from gmmrefine.maps.composite import composite_map, local_snr, seam_map
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.maps.local_resolution import local_resolution
from gmmrefine.maps.local_sharpen import Bands, with_even_amplitudes, with_local_amplitudes
from gmmrefine.maps.mask import molecule_threshold, soft_mask
from gmmrefine.maps.modify import modify, modify_half
from gmmrefine.maps.sharpen import amplitudes
from gmmrefine.validation.placement import DensityOfAtoms
from gmmrefine.validation.qscore import q_scores
from gmmrefine.validation.same_grid import displacement

BOX, VOXEL = 32, 1.5
SCALES = (1e-25, 1e-20, 1e-8, 1e16, 1e22)
ATOMS = np.random.default_rng(8).uniform(14, 32, (60, 3))


@pytest.fixture(scope="module")
def halves():
    """Two noisy half maps (Z, Y, X) of some atoms, and a model's map."""
    rng, truth = np.random.default_rng(9), map_of_atoms(ATOMS, np.ones(60), ((BOX,) * 3, np.full(3, VOXEL), np.zeros(3)), 1.4)
    return [(truth.data + rng.normal(0, 0.1, (BOX,) * 3)).astype(np.float32) for _ in range(2)]


def _mask(halves):
    return soft_mask(halves[0] + halves[1], VOXEL, 8.0, 4.0)


def _fitted(first, _):
    voxels = molecule_voxels(first, None, molecule_threshold(first))
    seeds = seed_gaussians(first, voxels, 20, VOXEL, 6.0, np.random.default_rng(1))
    return fit_gaussians(seeds, MapTarget(centered_from_map(first), VOXEL, np.r_[0, np.ones(7)]), 8)


def _look(first, _):
    density = DensityOfAtoms(first, np.full(3, VOXEL), len(ATOMS))
    look = density.look(ATOMS)
    return np.r_[look.empty, look.contrast, density.peaks(ATOMS, 1), density.explained(ATOMS, 1)]


def _bands():
    return Bands(BOX, 4, 14, 5.0)


WITHOUT_UNIT = {  # what is measured on two half maps and has no unit of density
    "mask": lambda a, b: _mask((a, b)),
    "FSC": lambda a, b: gold_standard_fsc(a, b, _mask((a, b)), VOXEL).fsc,
    "FSC of other units": lambda a, b: gold_standard_fsc(a, b / a.max(), None, VOXEL).fsc,
    "local resolution": lambda a, b: local_resolution(a, b, _mask((a, b)), VOXEL),
    "gains": lambda a, b: np.r_[modify(a, b, _mask((a, b)))[1].gain, modify(a, b, _mask((a, b)))[1].solvent_gain],
    "local SNR": lambda a, b: local_snr(a, b, VOXEL, 6.0),
    "Q": lambda a, b: q_scores(ATOMS, MapGrid(a, np.full(3, VOXEL), np.zeros(3))).values,
    "displacement": lambda a, b: displacement(np.roll(a, 2, 1), b, np.full(3, VOXEL))[0],
    "correlation": lambda a, b: displacement(a, b, np.full(3, VOXEL))[1],
    "atoms in density": _look,
    "places of Gaussians": lambda a, b: _fitted(a, b).centers,
    "widths of Gaussians": lambda a, b: _fitted(a, b).widths,
}
IN_MAP_UNITS = {
    "threshold": lambda a, b: molecule_threshold(a),
    "modified": lambda a, b: modify(a, b, _mask((a, b)))[0],
    "modified half": lambda a, b: modify_half(a, np.linspace(1, 0, BOX // 2 + 1), _mask((a, b))),
    "noise": lambda a, b: np.sqrt(modify(a, b, _mask((a, b)))[1].noise),
    "amplitudes": lambda a, b: amplitudes(a, _mask((a, b)), VOXEL).signal,
    "amplitudes of a model": lambda a, b: with_local_amplitudes(a, b / np.abs(b).max(), _mask((a, b)), _bands()),
    "even amplitudes": lambda a, b: with_even_amplitudes(a, _mask((a, b)), _bands(), np.ones(20)),
    "seams": lambda a, b: seam_map([a, b], [_mask((a, b)), 0.5 * _mask((a, b))]),
    "seams with a background": lambda a, b: seam_map([a, b], [_mask((a, b)) / 3] * 2, 0.7 * a),
    "composite": lambda a, b: composite_map([a, b], [_mask((a, b))] * 2),
    "heights of Gaussians": lambda a, b: _fitted(a, b).amplitudes,
    "shared power": lambda a, b: np.sqrt(np.maximum(gold_standard_fsc(a, b, None, VOXEL).power, 0)),
}


@pytest.mark.parametrize("what", WITHOUT_UNIT)
def test_measured_without_unit(halves, what):
    expected = WITHOUT_UNIT[what](*halves)
    for scale in SCALES:
        found = WITHOUT_UNIT[what](*[half * np.float32(scale) for half in halves])
        np.testing.assert_allclose(found, expected, atol=3e-3 * np.abs(expected).max(), err_msg=f"{scale:g}")


@pytest.mark.parametrize("what", IN_MAP_UNITS)
def test_in_the_units_of_the_map(halves, what):
    expected = np.asarray(IN_MAP_UNITS[what](*halves), float)
    for scale in SCALES:
        found = np.asarray(IN_MAP_UNITS[what](*[half * np.float32(scale) for half in halves]), float)
        np.testing.assert_allclose(found / scale, expected, atol=3e-3 * np.abs(expected).max(), err_msg=f"{scale:g}")


def test_values_read_and_written_keep_their_units(tmp_path, halves):
    for scale in SCALES:
        write_map(tmp_path / "map.mrc", halves[0] * np.float32(scale), VOXEL)
        assert np.array_equal(read_map(tmp_path / "map.mrc").data, halves[0] * np.float32(scale))


def test_dividing_by_the_grey_scale_rounds_nothing(halves):
    scale = grey_scale(halves[0], 3 * halves[1])
    assert np.array_equal(halves[0] / np.float32(scale) * np.float32(scale), halves[0])
    assert 1 <= np.abs(3 * halves[1]).max() / scale < 2 and grey_scale(np.zeros((2, 2, 2))) == 1
