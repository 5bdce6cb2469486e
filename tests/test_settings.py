"""Resolutions that pixel sizes allow, in single precision as in double."""

import numpy as np
import pytest

from gmmrefine.settings import coarsest_resolution, is_beyond_nyquist, nyquist_text

PIXEL_SIZES = np.round(np.arange(50, 391) / 100, 2)  # Å/px
BOXES = (64, 100, 256, 360)


def as_headers_hold_it(pixel_size):
    """A pixel size in 32-bit numbers, and as read from MRC headers, which hold the side of the box."""
    sides = [(np.float32(pixel_size * box), np.float32(box)) for box in BOXES]
    return {float(np.float32(pixel_size)), *(float(side / box) for side, box in sides)}


def test_nyquist_in_single_and_double_precision():
    plain = 0
    for exact in PIXEL_SIZES:
        for rounded in as_headers_hold_it(exact):
            plain += 2 * exact < 2 * rounded
            assert not is_beyond_nyquist(2 * exact, rounded) and not is_beyond_nyquist(2 * rounded, exact)
            assert not is_beyond_nyquist(float(np.float32(2 * exact)), rounded)
    assert plain > len(PIXEL_SIZES) // 3  # so many of them fail without the tolerance


@pytest.mark.parametrize("digits", (2, 3, 4, 6))
def test_nyquist_as_it_is_shown_can_be_typed(digits):
    for pixel_size in np.round(PIXEL_SIZES * 1.00217, digits):
        for held in (pixel_size, *as_headers_hold_it(pixel_size)):
            shown = nyquist_text(held)
            assert not is_beyond_nyquist(float(shown), held) and float(shown) == pytest.approx(2 * held, abs=0.005)
            assert len(shown.split(".")[1]) >= 2


def test_what_is_finer_is_beyond():
    for pixel_size in PIXEL_SIZES:
        assert is_beyond_nyquist(2 * pixel_size * 0.9995, pixel_size)
        assert not is_beyond_nyquist(2.0005 * pixel_size, pixel_size)
        assert not is_beyond_nyquist(0, pixel_size)  # none is asked for
    assert [nyquist_text(size) for size in (2, 2.5, 1.0624, 0.83333, 1e-3)] == ["4.00", "5.00", "2.125", "1.67", "0.002"]


def test_coarsest_resolution_leaves_four_shells():
    assert coarsest_resolution(40, 4.4) == pytest.approx(44)
