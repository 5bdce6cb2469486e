"""Soft masks around a molecule."""

import numpy as np
import pytest
import references
from molecules import molecule

from gmmrefine.errors import InputError
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.render import render_map
from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.maps.mask import largest_region, molecular_volume, molecule_threshold, soft_mask

BOX, PIXEL_SIZE = 40, 2.0


@pytest.fixture(scope="module")
def phantom():
    """A small molecule in a box with room for the mask's edge."""
    return references.gaussian_map(molecule(60), BOX, PIXEL_SIZE).astype(np.float32)


def test_threshold_lies_between_solvent_and_molecule(rng):
    volume = rng.normal(0, 0.1, (24, 24, 24))
    volume[8:16, 8:16, 8:16] += 2.0
    assert np.sum(volume > molecule_threshold(volume)) == pytest.approx(8**3, abs=3)
    assert molecule_threshold(10 * volume) == pytest.approx(10 * molecule_threshold(volume), rel=1e-6)


def test_threshold_ignores_the_corners(rng):
    """What lies outside the inscribed sphere is no molecule."""
    volume = rng.normal(0, 0.1, (24, 24, 24))
    volume[8:16, 8:16, 8:16] += 2.0
    with_corner = volume.copy()
    with_corner[:3, :3, :3] = 50.0
    assert molecule_threshold(with_corner) == molecule_threshold(volume)


def test_largest_region_alone_is_kept():
    binary = np.zeros((12, 12, 12), bool)
    binary[1:3, 1:3, 1:3] = True
    binary[6:10, 6:10, 6:10] = True
    binary[10, 10, 10] = True  # touches by a corner
    found = largest_region(binary)
    assert found.sum() == 4**3 + 1 and found[10, 10, 10] and not found[1, 1, 1]


def test_empty_map_is_refused():
    with pytest.raises(InputError) as caught:
        largest_region(np.zeros((8, 8, 8), bool))
    assert "empty map" in str(caught.value) and "--invert-contrast" in str(caught.value)


@pytest.mark.parametrize("value", (0.0, 3.0))
def test_map_without_any_contrast_is_refused(value):
    with pytest.raises(InputError, match="empty map|map is constant"):
        soft_mask(np.full((16, 16, 16), value, np.float32), PIXEL_SIZE)


def test_mask_covers_the_molecule_and_not_the_solvent(phantom):
    mask = soft_mask(phantom, PIXEL_SIZE, resolution=12.0, edge=4.0)
    assert mask.dtype == np.float32 and mask.shape == phantom.shape
    assert mask.min() == 0 and mask.max() == 1
    assert np.sum(phantom * mask) / phantom.sum() > 0.97
    assert mask[phantom > 0.5 * phantom.max()].min() == 1
    assert 0.05 < mask.mean() < 0.5
    for face in (mask[0], mask[-1], mask[:, 0], mask[:, -1], mask[:, :, 0], mask[:, :, -1]):
        assert face.max() == 0


def test_edge_is_a_cosine_of_its_width():
    """Along a line out of a ball: 1, then half a cosine over ``edge`` pixels, then 0."""
    axis = np.arange(BOX) - BOX // 2
    ball = (axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2 <= 8**2).astype(np.float32)
    masks = [soft_mask(ball, PIXEL_SIZE, resolution=12.0, edge=edge)[20, 20, 20:] for edge in (0.0, 4.0, 6.0)]
    flat = [int(np.sum(line == 1)) for line in masks]
    assert flat[0] == flat[1] == flat[2]
    assert 8 <= flat[0] <= 11  # the ball's radius of 8 px, and a quarter of 12 Å
    assert [int(np.sum((line > 0) & (line < 1))) for line in masks] == pytest.approx([0, 4, 6], abs=1)
    distance = np.arange(len(masks[1])) - flat[1] + 0.5
    expected = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance / 4.0, 0, 1))
    assert masks[1] == pytest.approx(expected, abs=0.3)
    assert np.all(np.diff(masks[1]) <= 0)


def test_mask_does_not_know_the_pixel(phantom):
    """Half the pixels over the same Å: the same volume within the mask."""
    fine = soft_mask(phantom, PIXEL_SIZE, resolution=14.0, edge=4.0)
    coarse = soft_mask(phantom[::2, ::2, ::2], 2 * PIXEL_SIZE, resolution=14.0, edge=2.0)
    assert coarse.sum() * 8 == pytest.approx(fine.sum(), rel=0.2)


def test_noise_does_not_make_the_mask(phantom, rng):
    clean = soft_mask(phantom, PIXEL_SIZE, resolution=15.0)
    noisy = soft_mask(phantom + rng.normal(0, 0.3 * phantom.max(), phantom.shape), PIXEL_SIZE, resolution=15.0)
    assert np.sum(np.minimum(clean, noisy)) / np.sum(np.maximum(clean, noisy)) > 0.85


@pytest.mark.parametrize("name", ("C2", "C3", "D2"))
def test_units_that_do_not_touch_all_count(name):
    """Balls around the axis and one more of another size: the mask has those that the group turns onto one another."""
    operators, box_size = point_group(name), 40
    z, y, x = np.indices((box_size,) * 3) - box_size // 2
    places = operators @ [11.0, 0, 5.0]
    stray = np.hypot(np.hypot(x, y), z + 14) < 3
    volume = np.any([(x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < 25 for a, b, c in places], axis=0) | stray
    alone, together = largest_region(volume), largest_region(volume, operators)
    assert np.array_equal(together, volume & ~stray)
    assert alone.sum() == pytest.approx(together.sum() / len(operators), rel=0.05)


def test_molecular_volume_is_without_the_rim_of_the_mask():
    """Protein takes 1.21 Å³ per Da (Harpaz et al. 1994); the mask made from its map holds more than twice as much."""
    atoms = read_atoms(embedded_model())
    gmm = gmm_from_atoms(atoms.positions - atoms.positions.mean(axis=0), atoms.atomic_numbers, atoms.b_factors)
    volume = render_map(gmm, 64, 3.0)
    mask = soft_mask(volume, 3.0)
    expected = 1.21 * 2 * atoms.atomic_numbers.sum()  # nuclei hold about as many neutrons as protons
    found = molecular_volume(volume, mask, 3.0)
    assert found == pytest.approx(1.2 * expected, rel=0.1) and found < 0.5 * mask.sum() * 27
    half = np.where(np.arange(64) < 32, mask, 0)
    assert 0.3 * found < molecular_volume(volume, half, 3.0) < 0.7 * found
