# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""The engine's curves, models and run record."""

import json
import os

import numpy as np

from gmmrefine.resolution import read_resolution
from gmmrefine.settings import is_beyond_nyquist, nyquist_text
from scipion_gmmrefine.convert.star import readTable


def readCurve(fileName, column="gmmFsc"):
    """A Fourier shell correlation.

    Parameters
    ----------
    fileName : str
        STAR file with gmmFrequency.
    column : str
        Which curve.

    Returns
    -------
    tuple of (S,) float
        Frequencies above zero in 1/Å; correlation.
    """
    table = readTable(fileName)
    frequency, values = np.array(table["gmmFrequency"], float), np.array(table[column], float)
    measured = (frequency > 0) & np.isfinite(values)
    return frequency[measured], values[measured]


def curveLabel(name, curve, threshold):
    """A name for a legend with the resolution of its curve (frequencies, values), e.g. patch 2: 7.1 Å."""
    resolution = read_resolution(*curve, threshold).angstroms
    return f"{name}: none" if resolution is None else f"{name}: {resolution:.2f} Å"


def rounded(resolution, samplingRate):
    """A resolution in Å with two decimals, more where only these would be beyond Nyquist of a sampling in Å/px."""
    short = round(resolution, 2)
    isLost = is_beyond_nyquist(short, samplingRate) and not is_beyond_nyquist(resolution, samplingRate)
    return float(nyquist_text(samplingRate)) if isLost else short


def readGaussians(fileName):
    """A Gaussian mixture model.

    Returns
    -------
    dict of arrays
        centers (G, 3) in Å from the box centre, amplitudes (G,) in map units, widths (G,) in Å (standard deviation).
    """
    table = {name: np.array(values, float) for name, values in readTable(fileName).items()}
    return {
        "centers": np.column_stack([table["gmmX"], table["gmmY"], table["gmmZ"]]),
        "amplitudes": table["gmmAmplitude"],
        "widths": table["gmmWidth"],
    }


def readRun(folder):
    """The engine's run record, empty before the run has ended."""
    name = os.path.join(folder, "run.json")
    if not os.path.exists(name):
        return {}
    with open(name) as handle:
        return json.load(handle)


def readPatches(fileName):
    """Spheres of the patches of a molecule.

    Parameters
    ----------
    fileName : str
        The engine's patches.star.

    Returns
    -------
    list of (n, 4) float
        By patch: x, y, z of the centres from the box centre and radii, Å.
    """
    table = {name: np.array(values, float) for name, values in readTable(fileName).items()}
    spheres = np.column_stack([table[name] for name in ("gmmX", "gmmY", "gmmZ", "gmmRadius")])
    return [spheres[table["gmmPatch"] == number] for number in np.unique(table["gmmPatch"])]


def readRows(fileName):
    """The rows of a table of numbers, each as a dict of column → float."""
    table = readTable(fileName)
    return [dict(zip(table, map(float, values))) for values in zip(*table.values())]
