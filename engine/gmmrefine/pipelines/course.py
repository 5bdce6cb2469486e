"""The iterations of a run: improve both half sets, measure their FSC, until nothing improves."""

import time
from dataclasses import dataclass

import numpy as np

from gmmrefine.alignment.pose_covariance import errors_of
from gmmrefine.geometry.rotations import angular_distance_deg
from gmmrefine.maps.fsc import FscCurve
from gmmrefine.particles.halves import Halves
from gmmrefine.pipelines.build import LOWEST_SHELL
from gmmrefine.pipelines.half_iteration import Shared
from gmmrefine.pipelines.reconstruct import mean_correlation
from gmmrefine.pipelines.shared_region import shared_fsc, usable_radius
from gmmrefine.progress import readable_time

# of the mean FSC, and of the logarithm of the signal that the halves share; below, an iteration has not improved anything
_LEAST_GAIN, _LEAST_SIGNAL_GAIN = 5e-4, 1e-3
_SETTLED = 0.2  # of the expected errors; poses that changed less can gain a fiftieth of them


@dataclass(frozen=True)
class Step:
    """Both half sets after an iteration.

    Parameters
    ----------
    iteration : int
        0 for the start.
    halves : Halves of HalfState
    curve : FscCurve
        Of their maps, or that of a pinned run.
    """

    iteration: int
    halves: Halves
    curve: FscCurve


class Course:
    """The steps of a run so far, what they have improved, and which is best.

    What counts is the mean FSC, or in a region the signal that the half maps share there: to the FSC a smeared region is as
    good as a sharp one.

    Parameters
    ----------
    first : Step
    starts : Halves of ParticleSet
        At the poses that changes are counted from.
    masks : Masks
    settings : RefineSettings
    """

    def __init__(self, first, starts, masks, settings):
        self.masks, self._starts, self._settings = masks, starts, settings
        self._radius = usable_radius(first.curve, 1, settings)
        self.steps, self.gains = [first], [0.0]

    @property
    def last(self):
        """The Step that the run is at."""
        return self.steps[-1]

    @property
    def best(self):
        """The first Step that is better than all before and not beaten after."""
        return self.steps[int(np.argmax(self.gains))]

    def add(self, step):
        """Count a Step."""
        self.steps.append(step)
        first, curve = self.steps[0].curve, step.curve
        if self.masks.focus is not None:
            self.gains.append(curve.signal_gain(first, LOWEST_SHELL, self._radius))
        else:
            self.gains.append(mean_correlation(curve) - mean_correlation(first))

    def has_ended(self, settled=True):
        """The last step has improved nothing, its poses are settled, and a next one would see no more than it did.

        An FSC saturates while poses still improve. So poses that still changed, against the errors they are expected to have,
        get one more step. An iteration that was held back by a starting low-pass says nothing about the next.

        Parameters
        ----------
        settled : bool
            What ``are_settled`` says of the last two steps.
        """
        least = _LEAST_GAIN if self.masks.focus is None else _LEAST_SIGNAL_GAIN
        if self.gains[-1] >= max(self.gains[:-1]) + least:
            return False
        gained_before = len(self.gains) == 2 or self.gains[-2] >= max(self.gains[:-2]) + least
        if gained_before and not settled:
            return False
        before = self.steps[-2]
        seen = usable_radius(before.curve, self.last.iteration, self._settings)
        return usable_radius(self.last.curve, self.last.iteration + 1, self._settings) <= seen

    @property
    def history(self):
        """What each step has changed since the start, a list for run.json."""
        return [summary(step, self._starts, self._settings) for step in self.steps]


def until_nothing_improves(course, improve, most, run, settings):
    """Take steps until nothing improves, or ``most`` are taken.

    Parameters
    ----------
    course : Course
        Steps are added to it.
    improve : callable
        Makes Halves of HalfState of these, of what they are told (Shared), and of the number of the iteration.
    most : int
        Iterations.
    run : Run
    settings : RefineSettings
    """
    began, before = time.monotonic(), course.last.iteration
    for taken in range(1, most + 1):
        halves, curve, iteration = course.last.halves, course.last.curve, before + taken
        shared = Shared(curve.fsc, course.masks, usable_radius(curve, iteration, settings))
        halves = improve(halves, shared, iteration)
        course.add(Step(iteration, halves, shared_fsc(halves, course.masks, iteration, settings, run)))
        left = (time.monotonic() - began) / taken * (most - taken)
        words = f"; at most {readable_time(left)} left" if left else ""
        found = course.last.curve.resolution_text(settings.fsc_threshold)
        run.progress.say(f"iteration {taken} of {most}: resolution {found}{words}")
        run.progress.event(step="iteration", eta_s=round(left, 1), **course.history[-1])
        # a region ends with the signal that it gains
        settled = course.masks.focus is not None or run.told("settled", iteration, lambda: are_settled(*course.steps[-2:]))
        if course.has_ended(settled):
            if taken < most:
                best = course.best.iteration - before
                run.progress.say(f"iteration {taken} improved nothing; the run ends with iteration {max(best, 0)}")
            break


def are_settled(before, after):
    """Whether the poses of one Step differ from those of the next by little against their expected errors."""
    changes = before.halves.map(lambda earlier, half: np.stack(_changes(earlier.particles, half), axis=1), after.halves).both()
    errors = [errors_of(half.covariance) for half in after.halves.both()]
    changed, expected = (np.sqrt(np.mean(np.concatenate(values) ** 2, axis=0)) for values in (changes, errors))
    return bool(np.all(changed <= _SETTLED * expected)) or not expected.any()  # no errors are known where Adam made the poses


def summary(step, starts, settings):
    """What changed in a Step since the start poses (Halves of ParticleSet), for run.json."""
    changes = starts.map(_changes, step.halves).both()
    turned, moved = (np.concatenate(values).mean() for values in zip(*changes))
    return {
        "iteration": step.iteration,
        "resolution": step.curve.resolution(settings.fsc_threshold),
        "mean_fsc": round(mean_correlation(step.curve), 5),
        "rotation_change_deg": round(float(turned), 4),
        "shift_change": round(float(moved), 4),
    }


def _changes(start, half):
    """Angles (N,) in degrees and lengths (N,) in Å between the poses of a half set at its start and now."""
    return (
        angular_distance_deg(half.particles.rotations, start.rotations),
        np.linalg.norm(half.particles.shifts - start.shifts, axis=1),
    )
