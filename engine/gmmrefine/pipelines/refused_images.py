"""Too many images that hold nothing, or nothing to believe: a half set of them is refused."""

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.particles.image_survey import IS_BLANK, IS_HOT, SATURATED

MANY = 0.1  # of the images


def refuse_many_odd(survey, kinds, half):
    """Refuse a half set of which more than a tenth of the images are blank, saturated, or have pixels far above the rest.

    Parameters
    ----------
    survey : ImageSurvey
    kinds : (N,) int
        Of ``ImageSurvey.kinds``.
    half : ParticleSet

    Raises
    ------
    InputError
        The first such image by stack, number and row, how many there are, and what to do.
    """
    for what, is_odd, choice in (
        ("blank (all pixels one value)", kinds == IS_BLANK, "blank"),
        (
            f"saturated (more than {100 * SATURATED:.0f} % of their pixels at one extreme)",
            survey.saturated >= SATURATED,
            "clipped",
        ),
        ("with single pixels far above all others", kinds == IS_HOT, "all"),
    ):
        odd = np.flatnonzero(is_odd)
        if len(odd) > MANY * len(half):
            first = odd[0]
            raise InputError(
                f"{half.stacks[half.stack_index[first]]}: {len(odd)} of the {len(half)} images of half {half.half} are {what}, "
                f"first image {half.slice_index[first] + 1} (row {half.row[first] + 1}); expected at most a tenth. Is the copy "
                f"of the stack complete? Look at the images, or go on without these with --leave-out {choice}."
            )
