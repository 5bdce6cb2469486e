"""Density maps of any protocol as the engine reads them: MRC, with sampling rate and place in the header."""
import os
import shutil

import mrcfile
import numpy as np
from pwem.emlib.image import ImageHandler

from scipion_gmmrefine.convert.images import MRC_EXTENSIONS, plainFileName

SAME_SAMPLING = 1e-3
SAME_PLACE = 0.01  # Å


def originOf(volume):
    """Place (3,) in Å of a volume's first voxel as Scipion keeps it; the box centre is at 0 where nothing is kept."""
    return np.array(volume.getOrigin(force=True).getShifts(), float)


def mrcMap(fileName, target, samplingRate, origin=None):
    """A map whose header tells the sampling rate and the place that Scipion knows.

    Parameters
    ----------
    fileName : str
        Of any format that Scipion reads.
    target : str
        Where a corrected copy goes.
    samplingRate : float
        Å per voxel.
    origin : (3,) float, optional
        Å, x y z of the first voxel; that of the header when not given.

    Returns
    -------
    str
        Absolute path: of the file itself when its header says the same.
    """
    source = os.path.abspath(plainFileName(fileName))
    isMrc = os.path.splitext(source)[1].lower() in MRC_EXTENSIONS
    if isMrc and _agrees(source, samplingRate, origin):
        return source
    os.makedirs(os.path.dirname(target), exist_ok=True)
    made = f"{os.path.splitext(target)[0]}.{os.getpid()}.mrc"  # steps that run side by side may want the same
    if isMrc:
        shutil.copyfile(source, made)
    else:
        ImageHandler().convert(fileName, made)
    with mrcfile.open(made, mode="r+", permissive=True) as handle:
        kept = _place(handle)
        handle.voxel_size = samplingRate
        handle.nstart = 0
        handle.header.origin = tuple(kept if origin is None else origin)
    os.replace(made, target)
    return os.path.abspath(target)


def _agrees(fileName, samplingRate, origin):
    with mrcfile.open(fileName, header_only=True, permissive=True) as handle:
        sides = [float(handle.voxel_size[axis]) for axis in "xyz"]
        return np.allclose(sides, samplingRate, rtol=SAME_SAMPLING) and (
            origin is None or np.allclose(_place(handle), origin, atol=SAME_PLACE))


def _place(handle):
    """Place (3,) in Å of the first voxel by an open file's header: ORIGIN, or nstart where that is zero."""
    origin = np.array([float(handle.header.origin[axis]) for axis in "xyz"])
    starts = np.array([float(handle.nstart[axis]) for axis in "xyz"])
    return origin if origin.any() else starts * [float(handle.voxel_size[axis]) for axis in "xyz"]
