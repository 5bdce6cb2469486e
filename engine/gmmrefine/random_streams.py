"""Random draws: a named stream for each use, so that no two uses draw the same numbers and a run can be repeated."""

import numpy as np

STREAMS = {  # never renumbered: the same seed gives the same result
    "seeds of Gaussians": 1,
    "images of the pose schedule": 2,
    "images of the patch schedule": 3,
    "images that show rigid regions": 4,
    "networks of motion": 5,
    "samples held out of poses": 6,
    "images that tell strengths": 7,
    "noise of controls": 11,
    "shuffled controls": 12,
    "spacing of Gaussians": 13,
}


def stream(use: str, seed: int, *place: int) -> np.random.Generator:
    """The generator of a use.

    Parameters
    ----------
    use : str
        One of ``STREAMS``.
    seed : int
        Of the run.
    place : int
        Where in the run, such as iteration and half set.
    """
    return np.random.default_rng([STREAMS[use], seed, *place])
