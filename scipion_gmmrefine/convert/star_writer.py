# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""A set of particles as a RELION 3.1 STAR file for the engine."""

from pwem.objects import EMSet

from scipion_gmmrefine.constants import GREY_COLUMNS, KEPT_BY_PARTICLES, OBJECT_ID
from scipion_gmmrefine.convert.images import MrcStacks, stackFileName
from scipion_gmmrefine.convert.optics import opticsOfSet
from scipion_gmmrefine.convert.poses import relionFromTransform
from scipion_gmmrefine.convert.star import writeTables


def writeParticles(particles, fileName, stackFolder):
    """Write the enabled particles of a set with poses and CTF, each with its Scipion id.

    RELION's further columns, which Scipion keeps as attributes, and the engine's that belong to a particle are written too; a
    column that some particles lack is left out, but a contrast sign or strength that some lack is 1 there.

    Parameters
    ----------
    particles : SetOfParticles
        With projection alignment and CTF.
    fileName : str
        STAR file to write.
    stackFolder : str
        Where stacks go whose format the engine does not read.

    Returns
    -------
    int
        Number of particles written.
    """
    stacks = MrcStacks(stackFolder)
    pixelSize = particles.getSamplingRate()
    rows = [_row(particle, stacks, pixelSize) for particle in particles.iterItems() if EMSet.isItemEnabled(particle)]
    for name, usual in GREY_COLUMNS.items():  # particles of one set may come from several programs
        if any(name[1:] in row for row in rows):
            for row in rows:
                row.setdefault(name[1:], usual)
    columns = {name: [row.get(name) for row in rows] for name in rows[0]}
    columns = {name: values for name, values in columns.items() if None not in values}
    optics = opticsOfSet(particles)
    columns.setdefault("rlnOpticsGroup", [optics["rlnOpticsGroup"][0]] * len(rows))
    writeTables(fileName, {"optics": optics, "particles": columns})
    return len(rows)


def _row(particle, stacks, pixelSize):
    """Columns of one particle."""
    ctf = particle.getCTF()
    rot, tilt, psi, originX, originY = relionFromTransform(particle.getTransform().getMatrix())
    row = {
        "rlnImageName": f"{particle.getIndex():06d}@{stacks.path(stackFileName(particle))}",
        "rlnAngleRot": rot,
        "rlnAngleTilt": tilt,
        "rlnAnglePsi": psi,
        "rlnOriginXAngst": originX * pixelSize,
        "rlnOriginYAngst": originY * pixelSize,
        "rlnDefocusU": ctf.getDefocusU(),
        "rlnDefocusV": ctf.getDefocusV(),
        "rlnDefocusAngle": ctf.getDefocusAngle(),
        "rlnPhaseShift": ctf.getPhaseShift() or 0.0,
    }
    coordinate = particle.getCoordinate() if particle.hasCoordinate() else None
    if coordinate is not None:
        row["rlnCoordinateX"], row["rlnCoordinateY"] = coordinate.getX(), coordinate.getY()
        if coordinate.getMicName():
            row["rlnMicrographName"] = coordinate.getMicName()
    for name, value in particle.getAttributes():
        if name in GREY_COLUMNS and value.get() is None:
            continue
        if name.startswith("_rln") or name in KEPT_BY_PARTICLES or name in GREY_COLUMNS:
            row.setdefault(name[1:], value.get())
    row[OBJECT_ID] = particle.getObjId()
    return row
