"""Is the molecule bright in the start maps? Noticed before anything is refined against them."""

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.maps.contrast import contrast

_DARK, _MAYBE_DARK = -5.0, -3.5  # standard deviations of both maps together; measured in docs/method.md, "Grey values"
_RANDOM = 8  # first number of the random stream of this file


def refuse_dark(volumes, particles, settings, run):
    """Refuse particles whose molecule comes out dark; nothing is said where the maps do not tell.

    Both half maps must say so by themselves. All they are told of one another is how bright their molecules are.

    Parameters
    ----------
    volumes : Halves of (Z, Y, X) float
        Unfiltered half maps.
    particles : ParticleSet
    settings : object
        ``invert_contrast`` and ``seed``.
    run : Run

    Raises
    ------
    InputError
    """

    def measure():
        return [
            contrast(volume, particles.pixel_size, np.random.default_rng([_RANDOM, settings.seed, number]))
            for number, volume in enumerate(volumes.both(), 1)
        ]

    found = run.told("contrast", 0, measure)
    run.progress.event(step="contrast", deviations=[round(value, 2) for value in found])
    both = sum(found) / np.sqrt(2)
    if max(found) >= 0 or both >= _MAYBE_DARK:
        return
    cure = "Leave out --invert-contrast" if settings.invert_contrast else "Add --invert-contrast"
    if both >= _DARK:
        run.progress.say(
            f"note: the molecule may be dark in the map, which is too noisy to tell ({-both:.1f} σ). {cure} if so."
        )
        return
    signs = "" if particles.contrast_sign is None else ", besides what gmmContrastSign of the particles says"
    used = "as they are" if not settings.invert_contrast else "multiplied by -1"
    raise InputError(
        f"the molecule comes out dark: both start maps are darker in the molecule than in solvent ({-both:.0f} σ), with images "
        f"{used}{signs}; expected a bright molecule. {cure}."
    )
