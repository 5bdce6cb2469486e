"""The engine's particle table: new sets of particles, and new poses for particles that Scipion has."""
import os
from pathlib import Path

import pandas as pd
import starfile
from pwem.objects import Coordinate, CTFModel, Particle, Transform
from pyworkflow.object import Float, Integer, String

from scipion_gmmrefine.constants import HALF_SET, OBJECT_ID
from scipion_gmmrefine.convert.images import linkStack
from scipion_gmmrefine.convert.optics import ACQUISITION_COLUMNS, opticsToText
from scipion_gmmrefine.convert.poses import transformFromRelion

# Scipion treats an acquisition without magnification as no acquisition; the value enters no formula.
MAGNIFICATION = 50000
TEXT_COLUMNS = ["rlnImageName", "rlnMicrographName", "rlnGroupName", "rlnOpticsGroupName"]
OWN_COLUMNS = {
    "rlnImageName", "rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst", "rlnDefocusU",
    "rlnDefocusV", "rlnDefocusAngle", "rlnPhaseShift", "rlnCoordinateX", "rlnCoordinateY", "rlnMicrographName"}


def readParticles(fileName):
    """The optics and particle tables of a RELION 3.1 STAR file.

    Returns
    -------
    tuple of pandas.DataFrame
        Optics groups, particles.
    """
    blocks = starfile.read(fileName, always_dict=True, parse_as_string=TEXT_COLUMNS)
    return tuple(pd.DataFrame([block]) if isinstance(block, dict) else block
                 for block in (blocks["optics"], blocks["particles"]))


def fillSet(particles, fileName, stackFolder):
    """Fill a new set with the particles of a STAR file.

    Parameters
    ----------
    particles : SetOfParticles
        Empty.
    fileName : str
        STAR file with poses, CTF and optics groups of one pixel size.
    stackFolder : str
        Where links to the stacks are made.
    """
    optics, table = readParticles(fileName)
    pixelSizes = sorted(set(optics["rlnImagePixelSize"].astype(float)))
    if len(pixelSizes) > 1:
        raise ValueError(
            f"{os.path.basename(fileName)} holds particles of {len(pixelSizes)} pixel sizes "
            f"({', '.join(f'{size:g}' for size in pixelSizes)} Å), but a Scipion set has one. Rescale the particles to "
            "one pixel size, or import each optics group by itself.")
    _setProperties(particles, optics, pixelSizes[0])
    links = _StackLinks(fileName, stackFolder)
    kept = [name for name in table.columns if name not in OWN_COLUMNS and name.startswith("rln")]
    for values in table.to_dict("records"):
        particles.append(_particle(values, kept, links, pixelSizes[0]))


def _setProperties(particles, optics, pixelSize):
    acquisition = particles.getAcquisition()
    acquisition.setMagnification(MAGNIFICATION)
    for column, getter in ACQUISITION_COLUMNS.items():
        getattr(acquisition, getter.replace("get", "set"))(float(optics[column].iloc[0]))
    acquisition.opticsGroupInfo.set(opticsToText(optics))
    particles.setSamplingRate(pixelSize)
    particles.setAlignmentProj()
    particles.setHasCTF(True)
    flipped = optics.get("rlnCtfDataArePhaseFlipped")
    particles.setIsPhaseFlipped(flipped is not None and bool(flipped.astype(int).any()))


class _StackLinks:
    """Links to the stacks of a STAR file, each made once."""

    def __init__(self, starFile, linkFolder):
        folder = Path(starFile).absolute().parent
        self._searched = [folder, Path.cwd(), *folder.parents]  # the engine's order
        self._linkFolder = linkFolder
        self._links = {}

    def location(self, imageName):
        """Index from 1 and link, for a name like 000001@stack.mrcs."""
        index, name = imageName.split("@", 1)
        if name not in self._links:
            self._links[name] = linkStack(self._find(name.split(":")[0]), self._linkFolder, len(self._links) + 1)
        return int(index), self._links[name]

    def _find(self, name):
        for folder in self._searched:
            if (folder / name).is_file():
                return str(folder / name)
        raise FileNotFoundError(
            f"{name}: no such image stack (looked in {self._searched[0]}, the project and the folders above). Copy or "
            "link it there, or correct rlnImageName.")


def _particle(values, kept, links, pixelSize):
    """A particle from one row, without a place in a set yet."""
    particle = Particle()
    particle.setLocation(*links.location(values["rlnImageName"]))
    particle.setTransform(Transform(_transform(values, pixelSize)))
    ctf = CTFModel()
    ctf.setStandardDefocus(*(float(values[name]) for name in ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")))
    if "rlnPhaseShift" in values:
        ctf.setPhaseShift(float(values["rlnPhaseShift"]))
    particle.setCTF(ctf)
    if "rlnCoordinateX" in values:
        coordinate = Coordinate()
        coordinate.setPosition(int(round(values["rlnCoordinateX"])), int(round(values["rlnCoordinateY"])))
        if "rlnMicrographName" in values:
            coordinate.setMicName(values["rlnMicrographName"])
        particle.setCoordinate(coordinate)
    for name in kept:
        setattr(particle, f"_{name}", _scipionValue(values[name]))
    return particle


def _transform(values, pixelSize):
    return transformFromRelion(
        values["rlnAngleRot"], values["rlnAngleTilt"], values["rlnAnglePsi"],
        values["rlnOriginXAngst"] / pixelSize, values["rlnOriginYAngst"] / pixelSize)


def _scipionValue(value):
    """A Scipion attribute for a table value."""
    if isinstance(value, str):
        return String(value)
    return Integer(value) if isinstance(value, int) else Float(value)


class RefinedPoses:
    """Poses that the engine found, joined to Scipion's particles by their ids.

    Parameters
    ----------
    fileName : str
        The engine's particles.star.
    ids : iterable of int
        Ids of the particles that were given to the engine.
    pixelSize : float
        Å/px.

    Raises
    ------
    ValueError
        The table and the set do not hold the same particles.
    """

    def __init__(self, fileName, ids, pixelSize):
        _, table = readParticles(fileName)
        found = table[OBJECT_ID].astype(int)
        missing, foreign = set(ids) - set(found), set(found) - set(ids)
        if missing or foreign or found.duplicated().any():
            raise ValueError(
                f"{os.path.basename(fileName)} and the input particles differ: {len(missing)} particles of the input "
                f"are missing, {len(foreign)} are not of the input, {int(found.duplicated().sum())} occur twice. "
                "The poses cannot be joined; start this protocol anew.")
        self._results = [name for name in table.columns if name.startswith("gmm")]
        self._rows = dict(zip(found, table.to_dict("records")))
        self._pixelSize = pixelSize

    def update(self, particle, _row=None):
        """Give a particle its new pose, its half set and what the engine says about the change."""
        values = self._rows[particle.getObjId()]
        particle.getTransform().setMatrix(_transform(values, self._pixelSize))
        setattr(particle, HALF_SET, Integer(values[HALF_SET[1:]]))
        for name in self._results:
            setattr(particle, f"_{name}", Float(values[name]))
