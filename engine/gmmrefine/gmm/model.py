"""The Gaussian mixture model of a molecule."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Gmm:
    """A sum of Gaussians, M(x) = Σ A exp(-|x - c|² / 2σ²) (Chen et al. 2023, first equation).

    Parameters
    ----------
    centers : (G, 3) float
        x, y, z in Å from the box centre (voxel n // 2).
    amplitudes : (G,) float
        Peak heights A in map units.
    widths : (G,) float
        Standard deviations σ in Å.
    """

    centers: np.ndarray
    amplitudes: np.ndarray
    widths: np.ndarray

    def __len__(self):
        return len(self.amplitudes)

    def subset(self, index):
        """Some of the Gaussians, by index or mask (G,)."""
        return Gmm(self.centers[index], self.amplitudes[index], self.widths[index])

    def about(self, point):
        """The same Gaussians in a box whose centre is a point (3,) of this one, Å."""
        return Gmm(self.centers - point, self.amplitudes, self.widths)

    @property
    def masses(self):
        """Integrals of the Gaussians, A σ³ (2π)^(3/2), (G,), map units × Å³."""
        return self.amplitudes * (self.widths * np.sqrt(2 * np.pi)) ** 3

    @property
    def radius(self):
        """Å from the box centre to the farthest centre plus three median widths."""
        return float(np.linalg.norm(self.centers, axis=1).max() + 3 * np.median(self.widths))
