"""Half sets of several maps: refused where they differ, joined where they do not."""

import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.half_sets_file import write_half_sets
from gmmrefine.particles.half_sets import HalfSets
from gmmrefine.runs.same_half_sets import agreed_half_sets


@pytest.fixture
def maps(tmp_path):
    """Makes the folders of maps named by their half sets, a pair of lists of images, or None; gives their half maps."""

    def made(**half_sets):
        for name, pair in half_sets.items():
            if pair is not None:
                write_half_sets(tmp_path / name, HalfSets(*(np.array(images, np.uint64) for images in pair)))
        return {name: [str(tmp_path / name / f"half_map_{number}.mrc") for number in (1, 2)] for name in half_sets}

    return made


def test_images_may_be_missing(maps):
    half_sets, notes = agreed_half_sets(maps(a=([1, 2, 3], [4, 5]), b=([2, 9], [5]), c=([1], [4, 5, 8])))
    assert half_sets.first.tolist() == [1, 2, 3, 9] and half_sets.second.tolist() == [4, 5, 8] and notes == []


def test_an_image_in_both_halves_is_refused(maps):
    """Between any two of them."""
    with pytest.raises(InputError) as caught:
        agreed_half_sets(maps(a=([1, 2], [4]), b=([1, 9], [4]), c=([2, 6], [4, 9])))
    assert str(caught.value).startswith("b and c have different half sets: of the 2 images that both hold, 1 are in half 1")
    assert "\n" not in str(caught.value)


def test_what_cannot_be_compared_is_said(maps):
    half_sets, notes = agreed_half_sets(maps(a=([1], [4]), b=([2], [5])))
    assert half_sets.first.tolist() == [1, 2]
    assert notes == ["note: half sets of a and b cannot be compared: they hold no image in common"]
    half_sets, notes = agreed_half_sets(maps(a=([1], [4]), d=None, e=None))
    assert half_sets is None
    assert notes == [
        "note: half sets unknown, as no half_sets.npz lies beside the half maps: d, e. Make sure that all parts have the same"
    ]
    assert agreed_half_sets(maps(d=None)) == (None, [])


def test_a_difference_is_refused_whatever_else_is_unknown(maps):
    with pytest.raises(InputError, match="a and b have different half sets"):
        agreed_half_sets(maps(a=([1], [4]), d=None, b=([4], [1])))
