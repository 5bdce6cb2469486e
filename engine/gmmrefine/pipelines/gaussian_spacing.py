"""How close the Gaussians of both half sets lie: found from how they agree with the map that they were not fitted to."""

import numpy as np

from gmmrefine.fourier.shells import resolution_of_shell
from gmmrefine.gmm.spacing import best_spacing
from gmmrefine.pipelines.build import fit_weights
from gmmrefine.random_streams import stream

_ANEW = 1.15  # times another resolution than when it was found


class GaussianSpacing:
    """The spacing of Gaussians, told once, and again when the resolution has changed much.

    Parameters
    ----------
    mask : (Z, Y, X) float
        Of the molecule.
    seed : int
    run : Run

    Attributes
    ----------
    last : float or None
        What was told last.
    """

    def __init__(self, mask, seed, run):
        self._mask, self._seed, self._run, self._progress = mask, seed, run, run.progress
        self._found_at = self.last = None

    def at(self, halves, fsc, iteration):
        """Spacing in units of the resolution for the maps of both halves.

        Parameters
        ----------
        halves : Halves of HalfState
            With their maps.
        fsc : (R + 1,) float
            Of these, up to the shell up to which signal is used.
        iteration : int
            That uses the Gaussians.
        """
        pixel_size = halves.first.particles.pixel_size
        resolution = resolution_of_shell(len(fsc) - 1, len(self._mask), pixel_size)
        if self._found_at is None or abs(np.log(resolution / self._found_at)) > np.log(_ANEW):

            def measure():
                rng = stream("spacing of Gaussians", self._seed, iteration)
                spacing, agreements = best_spacing(
                    [half.volume for half in halves.both()], self._mask, pixel_size, fit_weights(fsc), rng
                )
                self._progress.event(step="gaussians", iteration=iteration, spacing=spacing, agreements=agreements)
                return spacing

            self.last, self._found_at = self._run.told("gaussians", iteration, measure), resolution
            self._progress.say(
                f"iteration {iteration}: Gaussians {self.last * resolution:.2f} Å apart, {self.last:g} of the resolution"
            )
        return self.last
