# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Density maps of any protocol as the engine reads them: MRC, with the sampling rate in the header; and their origins."""

import os
import shutil

import mrcfile
import numpy as np
from pwem.emlib.image import ImageHandler

from scipion_gmmrefine.convert.images import MRC_EXTENSIONS, plainFileName

SAME_SAMPLING = 1e-3


def originOf(volume):
    """Place (3,) in Å of a volume's first voxel as Scipion keeps it; the box centre is at 0 where nothing is kept."""
    return np.array(volume.getOrigin(force=True).getShifts(), float)


def mrcMap(fileName, target, samplingRate):
    """A map whose header tells the sampling rate that Scipion knows; its place is that of the header.

    Parameters
    ----------
    fileName : str
        Of any format that Scipion reads.
    target : str
        Where a corrected copy goes.
    samplingRate : float
        Å per voxel.

    Returns
    -------
    str
        Absolute path: of the file itself when its header says the same.
    """
    source = os.path.abspath(plainFileName(fileName))
    isMrc = os.path.splitext(source)[1].lower() in MRC_EXTENSIONS
    if isMrc and _agrees(source, samplingRate):
        return source
    os.makedirs(os.path.dirname(target), exist_ok=True)
    made = f"{os.path.splitext(target)[0]}.{os.getpid()}.mrc"  # steps that run side by side may want the same
    if isMrc:
        shutil.copyfile(source, made)
    else:
        ImageHandler().convert(fileName, made)
    with mrcfile.open(made, mode="r+", permissive=True) as handle:
        if min(int(handle.header[name]) for name in ("mx", "my", "mz")) <= 0:  # not filled in; there would be no voxel size
            handle.header.mx, handle.header.my, handle.header.mz = (int(handle.header[name]) for name in ("nx", "ny", "nz"))
            handle.voxel_size = samplingRate
        if not any(float(handle.header.origin[axis]) for axis in "xyz"):
            # in voxels of the header's size, which changes
            handle.header.origin = tuple(float(handle.nstart[axis]) * float(handle.voxel_size[axis]) for axis in "xyz")
            handle.nstart = 0
        handle.voxel_size = samplingRate
    os.replace(made, target)
    return os.path.abspath(target)


def _agrees(fileName, samplingRate):
    with mrcfile.open(fileName, header_only=True, permissive=True) as handle:
        with np.errstate(divide="ignore", invalid="ignore"):  # headers with MX MY MZ of 0
            sides = [float(handle.voxel_size[axis]) for axis in "xyz"]
        return np.allclose(sides, samplingRate, rtol=SAME_SAMPLING)
