"""The measure of a symmetry on half maps, and the mask-weighted average that imposes one."""

import numpy as np
import pytest
from molecules import PIXEL_SIZE, molecule

from gmmrefine.geometry.symmetry import point_group
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import render_map
from gmmrefine.maps.symmetry import SymmetryMeasure, impose
from gmmrefine.maps.turn import turned_mask

BOX = 48


def oligomer(name, units=None, scale=0.6):
    """Copies of a small molecule around the axis; ``units`` are the copies that are there, all by default."""
    gmm, operators = molecule(25), point_group(name)
    operators = operators if units is None else operators[units]
    centers = gmm.centers * scale + [16.0, 0, 4.0]
    return Gmm(
        np.concatenate([centers @ operator.T for operator in operators]),
        np.tile(gmm.amplitudes, len(operators)),
        np.tile(gmm.widths, len(operators)),
    )


def halves(gmm, noise, seed=2):
    rng, clean = np.random.default_rng(seed), render_map(gmm, BOX, PIXEL_SIZE)
    return [clean + noise * clean.std() * rng.standard_normal(clean.shape).astype(np.float32) for _ in range(2)]


@pytest.mark.parametrize("noise", (0.0, 1.0, 3.0))
@pytest.mark.parametrize("name", ("C2", "C3", "D2", "T"))
def test_a_symmetric_map_correlates_as_its_half_maps_do(name, noise):
    measure = SymmetryMeasure(halves(oligomer(name), noise), PIXEL_SIZE)
    shares = [measure.correlation(operator) / measure.unturned for operator in point_group(name)[1:]]
    assert min(shares) > 0.95 and max(shares) < 1.05
    assert measure.unturned > 0.6
    assert (measure.unturned > 0.999) == (noise == 0)


@pytest.mark.parametrize("noise", (0.0, 3.0))
@pytest.mark.parametrize("made, asked", [("C3", "C2"), ("C2", "C3"), ("C4", "D2"), ("D3", "D2"), ("C1", "C5")])
def test_a_symmetry_that_is_not_there(made, asked, noise):
    measure = SymmetryMeasure(halves(oligomer(made), noise), PIXEL_SIZE)
    shares = [measure.correlation(operator) / measure.unturned for operator in point_group(asked)[1:]]
    assert min(shares) < 0.6


def test_the_resolution_used_is_where_the_half_maps_agree():
    pair = halves(oligomer("C2"), 3.0)
    measure, clean = SymmetryMeasure(pair, PIXEL_SIZE), SymmetryMeasure([pair[0], pair[0]], PIXEL_SIZE)
    assert clean.radius == 0.75 * BOX / 2 and clean.resolution == pytest.approx(BOX * PIXEL_SIZE / clean.radius)
    assert 4 <= measure.radius < clean.radius


def ball(radius):
    """A soft mask around the first unit."""
    axis = (np.arange(BOX) - BOX // 2) * PIXEL_SIZE
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    distance = np.sqrt((x - 18) ** 2 + y**2 + (z - 4) ** 2)
    return np.clip((radius - distance) / 4, 0, 1).astype(np.float32)


@pytest.fixture
def mask():
    """A mask that its turned copies overlap."""
    return ball(24)


@pytest.mark.parametrize("name", ("C2", "C3", "D3"))
def test_a_symmetric_map_stays_as_it_is(name, mask):
    whole = render_map(oligomer(name), BOX, PIXEL_SIZE)
    operators = point_group(name)
    (found,), union = impose([whole], mask, operators)
    assert union == pytest.approx(np.max([turned_mask(mask, operator) for operator in operators], axis=0), abs=1e-6)
    inside = union > 0.5
    assert np.abs(found - whole)[inside].max() < 0.02 * whole.max()
    assert np.array_equal(found[union == 0], np.zeros(np.sum(union == 0)))


@pytest.mark.parametrize("name", ("C2", "C3"))
def test_a_unit_alone_becomes_the_oligomer(name):
    """Where masks do not overlap, the map of all copies from one that has the first only."""
    whole, one = (render_map(oligomer(name, units, 0.3), BOX, PIXEL_SIZE) for units in (None, [0]))
    (found,), union = impose([one], ball(18), point_group(name))
    inside = union > 0.9
    assert inside.sum() > 1000 and np.abs(found - whole)[inside].max() < 0.02 * whole.max()
    assert np.abs(one - whole)[inside].max() > 0.5 * whole.max()


def test_the_average_is_the_formula(rng, mask):
    """For a group that takes the grid onto itself, voxel by voxel."""
    operators = point_group("D2")
    volume = rng.normal(size=mask.shape).astype(np.float32)
    (found,), union = impose([volume], mask, operators)
    for voxel in ((24, 24, 32), (26, 20, 16), (20, 30, 30), (25, 25, 25)):
        x = np.array(voxel)[::-1] - BOX // 2
        places = [tuple((operator.T @ x).astype(int)[::-1] + BOX // 2) for operator in operators]
        weights = np.array([mask[place] for place in places])
        expected = np.sum(weights * [volume[place] for place in places]) / weights.sum() if weights.any() else 0.0
        assert found[voxel] == pytest.approx(expected, abs=1e-5)
        assert union[voxel] == pytest.approx(weights.max(), abs=1e-6)


def test_the_background_fills_what_the_masks_leave(mask):
    ones = np.ones_like(mask)
    (filled,), _ = impose([ones], mask, point_group("C4"), [5 * ones])
    weight = sum(turned_mask(mask, operator) for operator in point_group("C4"))
    expected = (weight + 5 * np.maximum(0, 1 - weight)) / np.maximum(weight, 1)
    assert filled == pytest.approx(expected, abs=1e-5)
    assert filled.min() == pytest.approx(1) and filled.max() == 5 and np.any((filled > 2) & (filled < 4))
    # one map as foreground and background is that map
    (same,), _ = impose([ones], mask, point_group("C3"), [ones])
    assert same == pytest.approx(ones, abs=1e-5)


@pytest.mark.parametrize("name", ("C3", "C5", "T"))
def test_a_mask_with_a_hard_edge_does_not_ring(name, rng):
    """Where no turned mask reaches, noise at full strength would stand."""
    x = np.indices((BOX,) * 3)[::-1] - BOX // 2
    hard = (np.linalg.norm(x - np.array([8, 2, 1])[:, None, None, None], axis=0) < 7).astype(np.float32)
    (found,), union = impose([rng.normal(size=hard.shape).astype(np.float32)], hard, point_group(name))
    places = [operator @ [8, 2, 1] for operator in point_group(name)]
    away = np.min([np.linalg.norm(x - place[:, None, None, None], axis=0) for place in places], axis=0) > 9
    assert away.sum() > 10000 and np.all(found[away] == 0) and np.all(union[away] == 0)
    assert 0 <= union.min() and union.max() == pytest.approx(1)


def test_maps_are_treated_apart(rng, mask):
    a, b, c = (rng.normal(size=mask.shape).astype(np.float32) for _ in range(3))
    first = impose([a, b], mask, point_group("C3"))[0][0]
    assert np.array_equal(first, impose([a, c], mask, point_group("C3"))[0][0])
    assert not np.array_equal(first, impose([c, a], mask, point_group("C3"))[0][0])
