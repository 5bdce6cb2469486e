"""Small Scipion objects for the tests."""

import mrcfile
import numpy as np
from pwem.objects import CTFModel, Particle, SetOfParticles, Transform, Volume, VolumeMask
from pyworkflow.object import Float, Integer

from scipion_gmmrefine.constants import CONTRAST_SIGN, HALF_SET, OPTICS_GROUP, PARENT_PARTICLE, SCALE, SYMMETRY_COPY
from scipion_gmmrefine.convert.poses import transformFromRelion

BOX = 16
PIXEL_SIZE = 2.5
TWO_GROUPS = """
data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnVoltage #3
_rlnSphericalAberration #4
_rlnAmplitudeContrast #5
_rlnImagePixelSize #6
_rlnOddZernike #7
first 1 300 2.7 0.1 1.25 [0.1,0.2]
second 2 200 1.4 0.07 1.25 [0.3,0.4]
"""


def writeStack(fileName, count, box=BOX):
    """A stack of noise images."""
    images = np.random.default_rng(0).normal(size=(count, box, box)).astype("f4")
    with mrcfile.new(str(fileName), images, overwrite=True) as stack:
        stack.set_image_stack()
        stack.voxel_size = PIXEL_SIZE
    return str(fileName)


def writeVolume(fileName, box=BOX, pixelSize=PIXEL_SIZE, kind=Volume):
    """A soft ball as a Scipion volume."""
    z, y, x = np.indices((box,) * 3) - box // 2
    with mrcfile.new(str(fileName), np.exp(-(x**2 + y**2 + z**2) / 18).astype("f4"), overwrite=True) as handle:
        handle.voxel_size = pixelSize
    volume = kind(location=str(fileName))
    volume.setSamplingRate(pixelSize)
    return volume


def writeMask(fileName, **options):
    """A ball as a Scipion mask."""
    return writeVolume(fileName, kind=VolumeMask, **options)


def poses(count, seed=1):
    """RELION poses (count, 5): rot, tilt, psi in degrees, origin x and y in px."""
    random = np.random.default_rng(seed)
    return np.column_stack(
        [
            random.uniform(-180, 180, count),
            random.uniform(1, 179, count),
            random.uniform(-180, 180, count),
            random.normal(0, 2, (count, 2)),
        ]
    )


def makeParticles(
    folder,
    ids=range(1, 9),
    halves=(1, 2),
    opticsInfo=TWO_GROUPS,
    groups=(1, 2),
    ctf=True,
    aligned=True,
    copies=0,
    signs=(),
    grey=None,
    box=BOX,
):
    """A set of particles with poses, CTF, half sets and optics groups.

    Parameters
    ----------
    folder : Path
    ids : iterable of int
        Scipion ids, in the order of insertion.
    halves, groups : tuple of int
        Half sets and optics groups, dealt out in turn; empty for none.
    signs : tuple of int
        Contrast signs, dealt out in turn; None for an unknown one, empty for none at all.
    copies : int
        Symmetry copies of each particle that so many in a row are; 0 leaves them unmarked.
    grey : dict of int to tuple, optional
        Contrast sign and strength by id; None where a program told none.
    box : int
        Image side in px.
    """
    ids = list(ids)
    number = len(list(folder.glob("*.sqlite"))) + 1
    particles = SetOfParticles(filename=str(folder / f"particles_{number}.sqlite"))
    particles.setSamplingRate(PIXEL_SIZE)
    particles.setHasCTF(ctf)
    if aligned:
        particles.setAlignmentProj()
    acquisition = particles.getAcquisition()
    acquisition.setVoltage(300)
    acquisition.setSphericalAberration(2.7)
    acquisition.setAmplitudeContrast(0.1)
    acquisition.opticsGroupInfo.set(opticsInfo)
    stack = writeStack(folder / "stack.mrcs", len(ids), box)
    for number, (objId, pose) in enumerate(zip(ids, poses(len(ids)))):
        particle = Particle(location=(number + 1, stack))
        particle.setObjId(objId)
        if aligned:
            particle.setTransform(Transform(transformFromRelion(*pose)))
        if ctf:
            model = CTFModel()
            model.setStandardDefocus(15000 + objId, 14000 + objId, 30)
            particle.setCTF(model)
        if halves:
            setattr(particle, HALF_SET, Integer(halves[number % len(halves)]))
        if groups:
            setattr(particle, OPTICS_GROUP, Integer(groups[number % len(groups)]))
        if signs:
            setattr(particle, CONTRAST_SIGN, Integer(signs[number % len(signs)]))
        if copies:
            setattr(particle, PARENT_PARTICLE, Integer(1 + number // copies))
            setattr(particle, SYMMETRY_COPY, Integer(1 + number % copies))
        if grey:
            setattr(particle, CONTRAST_SIGN, Integer(grey[objId][0]))
            setattr(particle, SCALE, Float(grey[objId][1]))
        particles.append(particle)
    particles.write()
    return particles
