"""Which prior the search takes, and when it ends."""

import numpy as np
import pytest

from gmmrefine.alignment.likelihood import ShellWeights
from gmmrefine.alignment.prior_search import HeldOutSearch, informative_radius

PARTICLES = 100


class Scripted(HeldOutSearch):
    """A search whose poses under each prior agree as they are told to: mean loss in standard errors."""

    def __init__(self, losses):
        super().__init__([], None, (None, None), [], None)
        self._losses, self.steps = losses, []
        self._noise = np.random.default_rng(0).normal(0, 1, PARTICLES)
        self._noise = (self._noise - self._noise.mean()) / self._noise.std()

    def _drawn_in(self, poses, prior, steps):
        self.steps.append(steps)
        return prior

    def _held_out(self, poses):
        return -(self._losses[poses] / np.sqrt(PARTICLES) + self._noise * (self._losses[poses] > 0))


@pytest.mark.parametrize(
    "losses, chosen, tried",
    (
        ((0, 0.5, 0.9, 1.5, 1.9, 1.95), 2, 6),  # the narrowest within a standard error of the best
        ((1.5, 0.4, 0, 0.3, 3, 4, 0, 0), 3, 6),  # two clearly worse ones end it
        ((0, 3, 0.5, 3, 0.7), 4, 5),
    ),
)  # one does not
def test_the_narrowest_that_is_as_good(losses, chosen, tried):
    search = Scripted(losses)
    assert search.narrowest(list(range(len(losses)))) == chosen
    assert len(search.steps) == tried


def test_poses_settle_under_the_widest_before_they_are_compared():
    search = Scripted((0, 0, 0))
    search.narrowest([0, 1, 2])
    assert search.steps[0] > search.steps[1] == search.steps[2]


def test_rings_that_tell_of_rotations():
    sums = np.zeros((4, 11))
    sums[1, 5], sums[1, 8] = 1.0, 1e-3
    weights = ShellWeights(np.ones(11), np.where(np.arange(11) >= 2, 1.0, 0))
    assert informative_radius(sums, weights) == 5
    sums[1, 8] = 1.0
    assert informative_radius(sums, weights) == 8
