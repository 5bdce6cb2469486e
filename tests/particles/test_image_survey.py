"""Odd images are told from usual ones."""

import numpy as np
import pytest

from gmmrefine.particles.grey_values import BLANK, GreyValues
from gmmrefine.particles.image_survey import IS_BLANK, IS_CLIPPED, IS_OFF_SCALE, USUAL, ImageSurvey, clipped_parts

BOX = 48


def survey_of(deviation, clipped=None, blank=()):
    """A survey as it is after reading; the images are read in two batches."""
    count = len(deviation)
    survey = ImageSurvey(count)
    source = np.where(np.isin(np.arange(count), blank), BLANK, 0)
    images = np.random.default_rng(1).normal(size=(count, 8, 8))
    for index in np.array_split(np.arange(count), 2):
        survey(index, images[index], GreyValues(2.0 * deviation[index], deviation[index], deviation[index], source[index]))
    if clipped is not None:
        survey.clipped[:] = clipped
    return survey


def test_images_far_from_the_median_of_their_optics_group():
    deviation = np.tile([1.0, 1.1, 0.9, 1.0, 20.0, 1.05, 0.1], 2) * np.repeat([1, 40], 7)
    kinds = survey_of(deviation).kinds(np.repeat([0, 1], 7))
    assert kinds.tolist() == 2 * [USUAL, USUAL, USUAL, USUAL, IS_OFF_SCALE, USUAL, IS_OFF_SCALE]
    assert (survey_of(deviation).kinds(np.zeros(14, int)) != kinds).any()
    apart = survey_of(deviation).apart(np.repeat([0, 1], 7))
    assert apart[4] == pytest.approx(20) and apart[13] == pytest.approx(0.1)


def test_blank_outranks_clipped_and_clipped_off_scale():
    deviation, clipped = np.ones(8), np.zeros(8)
    deviation[[1, 2]] = 9
    clipped[[2, 3]] = 0.1
    kinds = survey_of(deviation, clipped, blank=(3, 4)).kinds(np.zeros(8, int))
    assert kinds.tolist() == [USUAL, IS_OFF_SCALE, IS_CLIPPED, IS_BLANK, IS_BLANK, USUAL, USUAL, USUAL]


def test_numbers_for_the_record():
    gains = np.exp(np.random.default_rng(3).normal(0, 0.7, 400))
    gains[:3] = 1.0
    summary = survey_of(gains, blank=(0, 1)).summary(np.zeros(400, int))
    assert summary["images"] == 400 and summary["blank"] == 2 and summary["clipped"] == 0
    assert summary["noise_spread"] == pytest.approx(np.exp(0.7), rel=0.1)
    assert summary["background_median"] == pytest.approx(2) and summary["ramp_largest"] == pytest.approx(1)
    assert survey_of(np.ones(4), blank=(0, 1, 2, 3)).summary(np.zeros(4, int))["blank"] == 4


def noise(count=3):
    return np.random.default_rng(2).normal(size=(count, BOX, BOX))


@pytest.mark.parametrize(
    "images",
    [
        noise(),
        noise().astype(np.float16),
        np.rint(30 * noise()),
        np.rint(2 * noise()),
        np.ones((2, BOX, BOX)),
        *(np.random.default_rng(5).poisson(mean, (2, BOX, BOX)) for mean in (0.2, 1, 4, 30)),
    ],
)
def test_usual_images_are_not_clipped(images):
    """Real numbers, 8 bits and less, flat ones, and counts of few electrons."""
    assert not clipped_parts(images.astype(np.float32)).any()


def test_clipped_and_saturated_images():
    images = noise(4)
    images[1] = np.minimum(images[1], 2.0)
    images[2] = np.maximum(np.rint(20 * images[2]), -20)
    images[3, :3] = 255  # a corner of the detector
    found = clipped_parts(images.astype(np.float32))
    assert found[0] == 0
    assert found[1:] == pytest.approx([(noise(4)[1] > 2).mean(), (noise(4)[2] < -0.975).mean(), 3 / BOX], abs=1e-3)


@pytest.mark.parametrize(
    "change, share",
    [(lambda image, middle: np.minimum(image, 0.5), 0.31), (lambda image, middle: np.where(middle, image + 9, 0), 0)],
    ids=["saturated", "masked"],
)
def test_saturated_images_are_told_from_masked_ones(change, share):
    """A mask fills one value in around the particle, which may be the smallest; the particle is as it was."""
    axis = np.arange(BOX) - BOX // 2
    images = change(noise(), axis[:, None] ** 2 + axis**2 < (0.4 * BOX) ** 2)
    survey = ImageSurvey(3)
    survey(np.arange(3), images.astype(np.float32), GreyValues(np.zeros(3), np.zeros(3), np.ones(3), np.zeros(3, int)))
    assert (survey.clipped > 0.2).all() and survey.saturated == pytest.approx([share] * 3, abs=0.05)
