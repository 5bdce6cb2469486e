# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""The engine's particle table: new sets of particles, and new poses for particles that Scipion has."""

import os
from pathlib import Path

from pwem.objects import Coordinate, CTFModel, Particle, Transform
from pyworkflow.object import Float, Integer, String

from scipion_gmmrefine.constants import (
    CRYOSPARC_UID,
    GREY_COLUMNS,
    HALF_SET,
    KEPT_BY_PARTICLES,
    LEFT_OUT_FILE,
    OBJECT_ID,
    PARENT_PARTICLE,
    POSE_ERRORS,
    SYMMETRY_COPY,
)
from scipion_gmmrefine.convert.images import linkStack, plainFileName
from scipion_gmmrefine.convert.optics import ACQUISITION_COLUMNS, PHASE_FLIPPED, opticsToText
from scipion_gmmrefine.convert.poses import transformFromRelion
from scipion_gmmrefine.convert.star import readTable

# Scipion treats an acquisition without magnification as no acquisition; the value enters no formula.
MAGNIFICATION = 50000
LARGEST_INTEGER = 2**63 - 1  # of SQLite
NO_VALUE = "<NA>"  # of an optics group without particles
SAME_SIZE = 1e-4  # relative difference of two pixel sizes that are one, as in the engine
POSE_COLUMNS = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst")
OWN_COLUMNS = {
    *POSE_COLUMNS,
    "rlnImageName",
    "rlnDefocusU",
    "rlnDefocusV",
    "rlnDefocusAngle",
    "rlnPhaseShift",
    "rlnCoordinateX",
    "rlnCoordinateY",
    "rlnMicrographName",
}

KEPT_COLUMNS = {*KEPT_BY_PARTICLES, *GREY_COLUMNS, *POSE_ERRORS}


def fillSet(particles, fileName, stackFolder):
    """Fill a new set with the particles of a STAR file.

    Parameters
    ----------
    particles : SetOfParticles
        Empty.
    fileName : str
        STAR file with poses, CTF and optics groups of one pixel size and box.
    stackFolder : str
        Where links to the stacks are made.
    """
    refuseSeveralGrids(fileName)
    optics, table = readTable(fileName, "optics"), readTable(fileName, "particles")
    pixelSize = next(float(size) for size in optics["rlnImagePixelSize"] if size != NO_VALUE)
    _setProperties(particles, optics, table, pixelSize)
    links = _StackLinks(fileName, stackFolder)
    kept = {
        name: _scipionType(name, values)
        for name, values in table.items()
        if name not in OWN_COLUMNS and (name.startswith("rln") or f"_{name}" in KEPT_COLUMNS)
    }
    for values in _rows(table):
        particles.append(_particle(values, kept, links, pixelSize))


def refuseSeveralGrids(fileName):
    """Refuse a STAR file whose optics groups differ in pixel size or box: a set of Scipion has one of each.

    Raises
    ------
    ValueError
    """
    optics = readTable(fileName, "optics")
    for column, what, unit in (("rlnImagePixelSize", "pixel sizes", "Å"), ("rlnImageSize", "boxes", "px")):
        sizes = sorted({float(size) for size in optics.get(column, []) if size != NO_VALUE})
        if sizes and sizes[-1] > (1 + SAME_SIZE) * sizes[0]:
            raise ValueError(
                f"{os.path.basename(fileName)} holds particles of {len(sizes)} {what} "
                f"({', '.join(f'{size:g}' for size in sizes)} {unit}), but a Scipion set has one. Rescale the particles to "
                "one, import each optics group by itself, or refine them together on the command line (gmmrefine refine), "
                "which takes groups of several grids."
            )


def _setProperties(particles, optics, table, pixelSize):
    used = set(table.get("rlnOpticsGroup", optics["rlnOpticsGroup"]))
    rows = [row for row, group in enumerate(optics["rlnOpticsGroup"]) if group in used]  # others say nothing of the set
    acquisition = particles.getAcquisition()
    acquisition.setMagnification(MAGNIFICATION)
    for column, getter in ACQUISITION_COLUMNS.items():
        getattr(acquisition, getter.replace("get", "set"))(float(optics[column][rows[0]]))
    acquisition.opticsGroupInfo.set(opticsToText(optics))
    particles.setSamplingRate(pixelSize)
    particles.setAlignmentProj()
    particles.setHasCTF(True)
    particles.setIsPhaseFlipped(PHASE_FLIPPED in optics and any(float(optics[PHASE_FLIPPED][row]) for row in rows))


def _rows(table):
    """Every row of a table as a dict."""
    return (dict(zip(table, values)) for values in zip(*table.values()))


class _StackLinks:
    """Links to the stacks of a STAR file, each made once."""

    def __init__(self, starFile, linkFolder):
        self._folder = Path(starFile).absolute().parent
        self._linkFolder = linkFolder
        self._links = {}

    def location(self, imageName):
        """Index from 1 and link, for a name like 000001@stack.mrcs."""
        index, name = imageName.split("@", 1)
        if name not in self._links:
            self._links[name] = linkStack(self._find(plainFileName(name)), self._linkFolder, len(self._links) + 1)
        return int(index), self._links[name]

    def _find(self, name):
        path = self._folder / name  # the engine writes full paths of what it has found
        if path.is_file():
            return str(path)
        raise FileNotFoundError(f"{name}: no such image stack. Copy or link it there, or correct rlnImageName.")


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
        coordinate.setPosition(*(int(round(float(values[f"rlnCoordinate{axis}"]))) for axis in "XY"))
        if "rlnMicrographName" in values:
            coordinate.setMicName(values["rlnMicrographName"])
        particle.setCoordinate(coordinate)
    for name, scipionType in kept.items():
        setattr(particle, f"_{name}", scipionType(values[name]))
    return particle


def _transform(values, pixelSize):
    rot, tilt, psi, x, y = (float(values[name]) for name in POSE_COLUMNS)
    return transformFromRelion(rot, tilt, psi, x / pixelSize, y / pixelSize)


def _scipionType(name, values):
    """Scipion's attribute for a column; RELION's text columns all end in Name, and ids may be too large for its numbers."""
    if name.endswith("Name") or f"_{name}" == CRYOSPARC_UID:
        return String
    if any(value != "0" and value.startswith("0") and value.isdecimal() for value in values):
        return String  # a name such as 007, which a number would shorten
    if _areAll(int, values):
        return Integer if all(abs(int(value)) <= LARGEST_INTEGER for value in values) else String
    return Float if _areAll(float, values) else String


def _areAll(number, values):
    """Whether all texts are numbers of a kind."""
    try:
        for value in values:
            number(value)
    except ValueError:
        return False
    return True


def leftOut(folder):
    """Ids of the particles that a run of the engine in this folder left out."""
    path = os.path.join(folder, LEFT_OUT_FILE)
    return {int(objId) for objId in readTable(path, "particles")[OBJECT_ID]} if os.path.exists(path) else set()


class RefinedPoses:
    """Poses that the engine found, joined to Scipion's particles by their ids.

    Parameters
    ----------
    fileName : str
        The engine's particles.star.
    ids : iterable of int
        Ids of the particles that were given to the engine and not left out there; others are not copied.
    pixelSize : float
        Å/px.
    further : dict of list, optional
        Results of other tables by column, in the order of this one.

    Raises
    ------
    ValueError
        The table and the set do not hold the same particles.
    """

    def __init__(self, fileName, ids, pixelSize, further=None):
        table = {**readTable(fileName, "particles"), **(further or {})}
        found = [int(objId) for objId in table[OBJECT_ID]]
        missing, foreign, doubled = set(ids) - set(found), set(found) - set(ids), len(found) - len(set(found))
        if missing or foreign or doubled:
            raise ValueError(
                f"{os.path.basename(fileName)} and the input particles differ: {len(missing)} particles of the input "
                f"are missing, {len(foreign)} are not of the input, {doubled} occur twice. "
                "The poses cannot be joined; start this protocol anew."
            )
        self._results = [name for name in table if name.startswith("gmm") and f"_{name}" not in KEPT_BY_PARTICLES]
        self._rows = dict(zip(found, _rows(table)))
        self._pixelSize = pixelSize

    def update(self, particle, _row=None):
        """Give a particle its new pose, its half set and what the engine says about the change."""
        values = self._rows.get(particle.getObjId())
        if values is None:  # left out by the engine
            particle._appendItem = False
            return
        particle.getTransform().setMatrix(_transform(values, self._pixelSize))
        setattr(particle, HALF_SET, Integer(values[HALF_SET[1:]]))
        for name in self._results:
            setattr(particle, f"_{name}", Float(values[name]))


def appendCopies(particles, source, fileName):
    """Fill a new set with the symmetry copies of particles, each with new id, pose and marks, all else its parent's.

    Parameters
    ----------
    particles : SetOfParticles
        Empty, on the grid of the source.
    source : SetOfParticles
    fileName : str
        The engine's expanded particles.star, with the Scipion id of every copy's parent. The mark takes the parent's image
        instead: ids of two sets are not told apart once their copies are joined.
    """
    parents = {particle.getObjId(): particle.clone() for particle in source.iterItems()}
    for values in _rows(readTable(fileName, "particles")):
        copy = parents[int(values[OBJECT_ID])].clone()
        copy.cleanObjId()
        copy.getTransform().setMatrix(_transform(values, source.getSamplingRate()))
        setattr(copy, PARENT_PARTICLE, String(values[PARENT_PARTICLE[1:]]))
        setattr(copy, SYMMETRY_COPY, Integer(values[SYMMETRY_COPY[1:]]))
        particles.append(copy)
