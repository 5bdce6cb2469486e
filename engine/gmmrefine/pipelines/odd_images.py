"""Odd images counted, listed and, where asked, left out; each half set is judged by its own images."""

from functools import partial

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.io.star import StarBlock, text_columns, write_star
from gmmrefine.io.star_particles import identity_columns, write_particles
from gmmrefine.particles.grey_values import OUTER_RINGS
from gmmrefine.particles.image_survey import IS_BLANK, IS_CLIPPED, IS_HOT, IS_OFF_SCALE, KINDS, USUAL, ImageSurvey
from gmmrefine.particles.images import ImageReader
from gmmrefine.pipelines.particle_scales import optics_groups
from gmmrefine.pipelines.refused_images import refuse_many_odd
from gmmrefine.progress import Progress

LEFT_OUT_FILE = "left_out.star"
_LEFT_OUT = {
    "none": (),
    "blank": (IS_BLANK,),
    "clipped": (IS_BLANK, IS_CLIPPED),
    "all": (IS_BLANK, IS_CLIPPED, IS_OFF_SCALE, IS_HOT),
}
_WORTH_SAYING = {"background_largest": 1.0, "ramp_median": 1.0, "noise_spread": 1.2}
_NAMED = 3  # images in a line; all are in the table


def without_odd_images(particles, settings, run=None):
    """The particles without the images that ``--leave-out`` names; all are read once for it.

    Parameters
    ----------
    particles : ParticleSet
        With half sets.
    settings : object
        ``leave_out`` and how images are read.
    run : Run, optional
        Where they are listed and counted; a part of a run's work leaves that to the run.

    Returns
    -------
    ParticleSet

    Raises
    ------
    InputError
        No image of a half set would be left.
    """
    if settings.leave_out == "none":
        return particles
    progress = Progress() if run is None else run.progress
    kinds, values = np.zeros(len(particles), int), np.ones((2, len(particles)))
    for number in (1, 2):
        mine = np.flatnonzero(particles.half_set == number)
        half = particles.subset(mine)
        survey, group = survey_of(half, settings, progress), optics_groups(half)
        kinds[mine], values[:, mine] = survey.kinds(group), (survey.apart(group), survey.clipped)
        if np.isin(kinds[mine], _LEFT_OUT[settings.leave_out]).all():
            raise InputError(
                f"--leave-out {settings.leave_out}: all {len(mine)} images of half {number} are odd ({_counted(kinds[mine])}). "
                "Check the images, or leave out less."
            )
    left_out = np.isin(kinds, _LEFT_OUT[settings.leave_out])
    if run is not None:
        run.set(
            left_out={
                KINDS[kind].replace(" ", "_"): int(np.count_nonzero(left_out & (kinds == kind)))
                for kind in _LEFT_OUT[settings.leave_out]
            }
        )
        if left_out.any():
            columns = _columns(kinds[left_out], *values[:, left_out])
            write_particles(run.path(LEFT_OUT_FILE), particles.subset(left_out), columns)
    which = f" ({_counted(kinds[left_out])}; {LEFT_OUT_FILE})" if left_out.any() else ""
    progress.say(f"{np.count_nonzero(left_out)} of {len(particles)} images are left out{which}")
    return particles.subset(~left_out)


def survey_of(half, settings, progress):
    """The ImageSurvey of a half set."""
    survey = ImageSurvey(len(half))
    # what is not computed costs nothing: the smallest disc
    reader = ImageReader(half, half_disc(half.box_size, 1), settings.invert_contrast, survey)
    with progress.step("look at images", len(half), half=half.half) as report:
        for start in range(0, len(half), settings.batch_size):
            index = np.arange(start, min(start + settings.batch_size, len(half)))
            reader.look(index)
            report(int(index[-1]) + 1)
    return survey


def tell_of_images(survey, half, run):
    """Say what is odd about the images of a half set, list them in ``odd_images_half_N.star``, and record it in run.json.

    Parameters
    ----------
    survey : ImageSurvey
        Of all images of the half.
    half : ParticleSet
    run : Run
    """
    group = optics_groups(half)
    kinds, summary = survey.kinds(group), survey.summary(group)
    run.set_of_half("grey_values", half.half, summary)
    say = partial(_say, run.progress, half.half)
    if half.diameter > half.narrowest:
        say(
            f"the particle ({half.diameter:.0f} Å) fills the box ({half.narrowest:.0f} Å): noise is measured "
            "in the outer rings of the transforms, the background in the corners"
        )
    elif summary.get("noise_from_outer_rings"):
        say(
            f"{np.count_nonzero(survey.source == OUTER_RINGS)} images are empty around the particle: their noise is measured "
            "in the outer rings of the transforms"
        )
    if any(summary.get(name, 0) > limit for name, limit in _WORTH_SAYING.items()):
        say(
            f"backgrounds up to {summary['background_largest']:.1f} and ramps up to {summary['ramp_largest']:.1f} standard "
            f"deviations of the noise, which goes from {summary['noise_range'][0]:.3g} to {summary['noise_range'][1]:.3g}: all "
            "images are brought to one scale"
        )
    if (kinds == USUAL).all():
        return
    table, apart = f"odd_images_half_{half.half}.star", survey.apart(group)
    odd = kinds != USUAL
    columns = text_columns(_columns(kinds[odd], apart[odd], survey.clipped[odd]))
    names = identity_columns(run.path(table), half.subset(odd))
    write_star(run.path(table), [StarBlock("images", {**names, **columns})])
    for kind in range(1, len(KINDS)):
        members = np.flatnonzero(kinds == kind)
        if len(members):
            say(
                f"{len(members)} of {len(half)} images are {KINDS[kind]} ({_detail(kind, members, survey, apart)}): "
                f"{_named(members, half)}; see {table}"
            )
    refuse_many_odd(survey, kinds, half)


def _say(progress, number, text):
    progress.say(f"note: half {number}: {text}")


def _detail(kind, members, survey, apart):
    """What is odd, in numbers."""
    if kind == IS_BLANK:
        return "they count nothing"
    if kind == IS_CLIPPED:
        return f"up to {100 * survey.clipped[members].max():.1f} % of their pixels at one extreme"
    if kind == IS_HOT:
        return f"single pixels up to {survey.hottest[members].max():.2g} times as far from the median as 99 % of the pixels"
    return f"noise {apart[members].min():.2g} to {apart[members].max():.2g} times that of most; brought to their scale"


def _named(members, half):
    """The first images by row, number and stack."""
    first = [
        f"row {half.row[member] + 1} ({half.slice_index[member] + 1}@{half.stacks[half.stack_index[member]].split('/')[-1]})"
        for member in members[:_NAMED]
    ]
    return ", ".join(first) + (", …" if len(members) > _NAMED else "")


def _counted(kinds):
    return ", ".join(
        f"{np.count_nonzero(kinds == kind)} {KINDS[kind]}" for kind in range(1, len(KINDS)) if np.any(kinds == kind)
    )


def _columns(kinds, apart, clipped):
    return {"gmmOddImage": [KINDS[kind].replace(" ", "-") for kind in kinds], "gmmNoiseRatio": apart, "gmmClippedPart": clipped}
