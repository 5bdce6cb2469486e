# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""The molecule that a form is about, as a wizard shows it: a map, and Gaussians that stand for it."""

import os
import shutil
from dataclasses import dataclass
from typing import Optional

import numpy as np
from pyworkflow.protocol import Protocol

from gmmrefine import settings
from scipion_gmmrefine import Plugin
from scipion_gmmrefine.constants import GMM_FILE, HALF_GMM_FILES, INPUT_FILE, MAP_FILE
from scipion_gmmrefine.convert.images import stackFileName
from scipion_gmmrefine.convert.maps import mrcMap
from scipion_gmmrefine.convert.star_writer import writeParticles
from scipion_gmmrefine.convert.tables import readGaussians, readRun
from scipion_gmmrefine.protocols.form import engineOptions, rows
from scipion_gmmrefine.viewers.views import readMap

IMAGES = rows(settings.ParticlesRead)
QUICK_FIT = (settings.FIT_EVALUATIONS.option, "1")  # the places of Gaussians hardly change any more


@dataclass(frozen=True)
class Molecule:
    """A map with Gaussians.

    Parameters
    ----------
    path : str
        Of the map.
    volume : (Z, Y, X) float
    voxelSize : float
        Å.
    centers : (G, 3) float or None
        x y z of the Gaussians in Å, the first voxel at 0.
    fitted : tuple of (int, float) or None
        How many Gaussians stand for it up to which resolution in Å, when their number was left to the engine.
    """

    path: str
    volume: np.ndarray
    voxelSize: float
    centers: Optional[np.ndarray]
    fitted: Optional[tuple]


def moleculeOf(protocol, folder, goesOn=None, mustFit=False):
    """What the input of a form shows: the map that came with it, else one that is made of the particles now.

    Parameters
    ----------
    protocol : Protocol
        With input particles or an input volume.
    folder : str
        For what has to be made.
    goesOn : callable, optional
        Of ``runEngineNow``.
    mustFit : bool
        Whether the Gaussians of the run that made the input will not do.

    Returns
    -------
    Molecule
    """
    source = (protocol.inputVolume if hasattr(protocol, "inputVolume") else protocol.inputParticles).getObjValue()
    path = _mapOf(protocol, source, folder) or _reconstructed(protocol, folder, goesOn)
    volume, voxelSize = readMap(path)
    known = source._getExtraPath(HALF_GMM_FILES[0]) if isinstance(source, Protocol) else ""
    middle = np.array(volume.shape[::-1]) // 2 * voxelSize  # Gaussians are measured from the box centre
    if os.path.exists(known) and not mustFit:
        return Molecule(path, volume, voxelSize, readGaussians(known)["centers"] + middle, None)
    made = os.path.join(folder, "model")
    Plugin.runEngineNow("build", [path, *QUICK_FIT], made, goesOn)
    results = readRun(made)["results"]
    centers = readGaussians(os.path.join(made, GMM_FILE))["centers"] + middle
    return Molecule(path, volume, voxelSize, centers, (len(centers), results["resolution"]))


def _mapOf(protocol, source, folder):
    """The map that is the input, or that its run has made on the same grid; empty where there is none."""
    volume = protocol.inputVolume.get() if hasattr(protocol, "inputVolume") else getattr(source, "outputVolume", None)
    if volume is None:
        return ""
    box, samplingRate = (0, 0) if hasattr(protocol, "inputVolume") else protocol._mapGrid()
    isOther = (box and volume.getXDim() != box) or (samplingRate and abs(volume.getSamplingRate() / samplingRate - 1) > 1e-3)
    return "" if isOther else mrcMap(stackFileName(volume), os.path.join(folder, "input.mrc"), volume.getSamplingRate())


def _reconstructed(protocol, folder, goesOn):
    """The map of the input particles at their poses, made now."""
    particles = protocol.inputParticles.get()
    table = os.path.join(folder, INPUT_FILE)
    writeParticles(particles, table, os.path.join(folder, "stacks"))
    made = os.path.join(folder, "map")
    shutil.rmtree(made, ignore_errors=True)
    asked = tuple(setting for setting in IMAGES if hasattr(protocol, setting.form_name))
    Plugin.runEngineNow("reconstruct", [table, *engineOptions(protocol, asked)], made, goesOn)
    return os.path.join(made, MAP_FILE)


def resolvedBy(count, fitted):
    """Detail in Å that a number of Gaussians stands for: they fill one volume, so that their distance tells it."""
    known, resolution = fitted
    return resolution * (known / count) ** (1 / 3)
