# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Optics groups, which Scipion keeps as the text of RELION's optics table."""

from scipion_gmmrefine.constants import OPTICS_GROUP
from scipion_gmmrefine.convert.star import formatTable, parseTable

TABLE = "optics"
NAMES_OF_GROUP = ("rlnOpticsGroup", "rlnOpticsGroupName")
PHASE_FLIPPED = "rlnCtfDataArePhaseFlipped"
ACQUISITION_COLUMNS = {
    "rlnVoltage": "getVoltage",
    "rlnSphericalAberration": "getSphericalAberration",
    "rlnAmplitudeContrast": "getAmplitudeContrast",
}


def opticsToText(optics):
    """RELION's optics table as text, the form in which an acquisition carries it."""
    return formatTable(TABLE, optics)


def unknownGroups(particles):
    """How many different optics groups a set has whose particles do not say to which they belong; 0 where it is clear.

    Some readers keep the table of the groups and forget the particles' column; to take the first group for all would treat
    the others by wrong optics, or as phase-flipped when they are not.

    Parameters
    ----------
    particles : SetOfParticles
    """
    text = particles.getAcquisition().opticsGroupInfo.get()
    if not text or particles.getFirstItem().hasAttribute(OPTICS_GROUP):
        return 0
    optics = {name: values for name, values in parseTable(text, TABLE).items() if name not in NAMES_OF_GROUP}
    kinds = set(zip(*optics.values()))
    return len(kinds) if len(kinds) > 1 else 0


def opticsOfSet(particles):
    """The optics table of a set of particles, with the set's own pixel size and box.

    A set that was rescaled after its import keeps the old numbers in its text, so the set's numbers count. Aberrations and
    the magnification matrix are those of the text: they are in Å and fractions, which no rescaling changes.

    Parameters
    ----------
    particles : SetOfParticles

    Returns
    -------
    dict of list
        Column → value of every optics group; a single group 1 from the acquisition where the set carries no table.
    """
    acquisition = particles.getAcquisition()
    text = acquisition.opticsGroupInfo.get()
    if text:
        optics = parseTable(text, TABLE)
    else:
        optics = {"rlnOpticsGroupName": ["opticsGroup1"], "rlnOpticsGroup": [1]}
        for column, getter in ACQUISITION_COLUMNS.items():
            optics[column] = [getattr(acquisition, getter)()]
    groups = len(optics["rlnOpticsGroup"])
    optics["rlnImagePixelSize"] = [particles.getSamplingRate()] * groups
    optics["rlnImageSize"] = [particles.getXDim()] * groups
    optics["rlnImageDimensionality"] = [2] * groups
    if particles.isPhaseFlipped() and not any(map(int, optics.get(PHASE_FLIPPED, []))):
        optics[PHASE_FLIPPED] = [1] * groups
    return optics
