"""Which of two poses is more likely for each particle."""

import numpy as np

from gmmrefine.pipelines.held_out_poses import more_likely


def test_where_most_are_better_off_a_particle_that_says_little_follows(rng):
    gains = np.append(rng.normal(3, 1, 500), [-0.5, -20.0])
    chosen = more_likely(gains)
    assert chosen[-2] and not chosen[-1] and chosen[:500].mean() > 0.99
    chosen = more_likely(np.append(rng.normal(-3, 1, 500), [0.5, 20.0]))
    assert not chosen[-2] and chosen[-1] and chosen[:500].mean() < 0.01


def test_a_mixture_is_told_apart(rng):
    gains = np.concatenate([rng.normal(4, 2, 300), rng.normal(-4, 2, 700)])
    chosen = more_likely(gains)
    assert chosen[:300].mean() > 0.9 and chosen[300:].mean() < 0.1


def test_gains_of_nothing_prefer_nothing():
    assert not more_likely(np.zeros(50)).any()
