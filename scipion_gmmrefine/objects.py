# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Scipion objects of this plugin."""

from pwem.objects import FSC, EMFile
from pyworkflow.object import Float, Integer, String

from gmmrefine.resolution import read_resolution


class GmmModel(EMFile):
    """A Gaussian mixture model in a STAR file, with the map it stands for.

    The table has one row per Gaussian: centre in Å from the box centre, amplitude in map units, standard deviation
    in Å.
    """

    def __init__(self, filename=None, **kwargs):
        EMFile.__init__(self, filename, **kwargs)
        self._numberOfGaussians = Integer(kwargs.get("numberOfGaussians"))
        self._mapFileName = String(kwargs.get("mapFileName"))
        self._samplingRate = Float(kwargs.get("samplingRate"))

    def getNumberOfGaussians(self):
        return self._numberOfGaussians.get()

    def getMapFileName(self):
        """File of the density map that the Gaussians were fitted to."""
        return self._mapFileName.get()

    def getSamplingRate(self):
        """Å per voxel of the map."""
        return self._samplingRate.get()

    def getFiles(self):
        return {self.getFileName()}

    def __str__(self):
        return f"GMM ({self.getNumberOfGaussians()} Gaussians)"


class GmmFSC(FSC):
    """A Fourier shell correlation whose resolution is never finer than the last frequency it was measured at."""

    def calculateResolution(self, threshold=0.143, precision=2):
        """Resolution in Å, as text, as the engine reads it; the box where nothing agrees.

        The plain FSC class extrapolates past Nyquist when the curve never crosses and divides by zero when it is flat.
        """
        frequencies, values = ([float(number) for number in numbers] for numbers in self.getData())
        return f"{read_resolution(frequencies, values, threshold).angstroms or 1 / frequencies[0]:.{precision}f}"
