"""Where atoms lie in maps to which all kinds of things were done, in their place and off it."""

import numpy as np
import pytest
from placed_maps import SIDE, VOXEL, MapsOf6msm, legitimate_maps, misplacements

from gmmrefine.validation.placement import DensityOfAtoms

# measured: in place at most 6 % of the atoms are in empty density where nothing is absent; off it at least 14 %
MOST_OFF, LEAST_OFF = 0.08, 0.12
# measured: off its place a model has at most 3.3, in it 4.5 (at 20 Å) to 80; 72 % of the density explained off, 99 % in
MOST_PEAKS_OFF, MOST_EXPLAINED_OFF = 4.0, 0.8
IN_DOUBT = "clean", "half map of low contrast", "inverted, on a level", "masked tightly", "in a micelle", "a domain absent"


@pytest.fixture(scope="module")
def maps():
    return MapsOf6msm()


@pytest.fixture(scope="module")
def looked(maps):
    """DensityOfAtoms of every map by its name."""
    return {
        name: DensityOfAtoms(np.asarray(data, np.float32), np.full(3, VOXEL), len(maps.positions))
        for name, data in legitimate_maps(maps).items()
    }


def test_a_model_in_its_place(maps, looked):
    points = maps.positions - maps.origin
    for name, density in looked.items():
        look = density.look(points)
        assert look.contrast == (-1 if "inverted" in name else 1), name
        assert not look.outside.any(), name
        if "absent" not in name:
            assert look.off <= MOST_OFF, name
            assert density.peaks(points, look.contrast) > (4.0 if "20 Å" in name else 15), name


def test_absent_parts_are_seen_and_explained(maps, looked):
    points = maps.positions - maps.origin
    for name, part in (
        ("a domain absent", 0.3),
        ("a domain absent, masked", 0.3),
        ("a domain absent at 15 Å", 0.3),
        ("nearly half absent", 0.45),
    ):
        density, gone = looked[name], maps.lowest(part)
        look = density.look(points)
        assert look.empty[gone].mean() > 0.6 and look.empty[~gone].mean() < 0.02, name  # the first Å of it are smoothed over
        assert density.explained(points, 1) > 0.98, name
        assert density.peaks(points, 1) > (4.5 if "15 Å" in name else 20), name


def test_a_part_of_the_molecule_is_in_place_though_it_explains_little(maps, looked):
    points = (maps.positions - maps.origin)[maps.positions[:, 0] < maps.positions[:, 0].mean()]
    density = looked["noisy"]
    assert density.look(points).off == 0 and density.explained(points, 1) < 0.75 and density.peaks(points, 1) > 12


@pytest.mark.parametrize("name", IN_DOUBT)
def test_a_model_off_its_place(maps, looked, name):
    for where, positions in misplacements(maps).items():
        points, density = positions - maps.origin, looked[name]
        look = density.look(points)
        assert look.off >= LEAST_OFF, where
        assert density.explained(points, look.contrast) <= MOST_EXPLAINED_OFF, where
        if not look.outside.all():
            assert density.peaks(points[~look.outside], look.contrast) <= MOST_PEAKS_OFF, where


def test_noise_holds_no_model(maps):
    points = maps.positions - maps.origin
    density = DensityOfAtoms(maps.noise(1), np.full(3, VOXEL), len(points))
    assert density.look(points).off > 0.95 and density.peaks(points, 1) < 4 and density.explained(points, 1) < 0.2


def test_outside_is_outside_the_box(maps, looked):
    points = maps.positions - maps.origin
    for shift in ([SIDE / 3, 0, 0], [0, -SIDE / 3, 0], [0, 0, SIDE / 3]):
        moved = points + shift
        outside = np.any((moved < -VOXEL / 2) | (moved > SIDE - VOXEL / 2), axis=1)
        look = looked["clean"].look(moved)
        assert outside.any() and np.array_equal(look.outside, outside) and not (look.outside & look.empty).any()


def test_fits_tell_a_place_one_voxel_away(maps, looked):
    points = maps.positions - maps.origin
    here, beside = (looked["noisy"].look(points + move) for move in (0.0, [VOXEL, 0, 0]))
    assert beside.fine_fit < 0.85 * here.fine_fit and 0.9 * here.coarse_fit < beside.coarse_fit < here.coarse_fit


def test_unequal_voxels_and_any_shape(maps):
    """Every second plane along z, some planes left out: a grid of 2 × 2 × 4 Å."""
    data = np.ascontiguousarray(maps.clean[::2, 3:, :-5])
    density = DensityOfAtoms(data, np.array([VOXEL, VOXEL, 2 * VOXEL]), len(maps.positions))
    points = maps.positions - maps.origin - [0, 3 * VOXEL, 0]
    assert density.look(points).off < 0.01 and density.peaks(points, 1) > 15
    assert density.look(points + [0, 60, 0]).off > 0.7
