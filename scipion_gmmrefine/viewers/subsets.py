# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Sets of chosen particles."""

import os

from pwem.protocols import ProtUserSubSet
from pyworkflow.exceptions import PyworkflowException

from scipion_gmmrefine.constants import PARTICLES_FILE
from scipion_gmmrefine.convert.star_writer import writeParticles

SELECTIONS_FOLDER = "selections"


def registerSubset(protocol, ids):
    """Make some of a protocol's output particles a set of their own in the project, as Scipion's own viewers do.

    Parameters
    ----------
    protocol : Protocol
        Finished, in a project; its outputParticles are chosen from.
    ids : list of int

    Returns
    -------
    tuple
        The protocol that holds the set, and the path of a STAR file with the same particles.

    Raises
    ------
    PyworkflowException
        Scipion did not make the set.
    """
    project = protocol.getProject()
    subset = project.newProtocol(ProtUserSubSet, other="", outputClassName=protocol.outputParticles.getClassName())
    subset.setObjLabel(f"{len(ids)} particles of {protocol.getObjLabel() or protocol.getClassLabel(False)}")
    subset.inputObject.set(protocol)
    subset.inputObject.setExtended("outputParticles")
    subset.sqliteFile.set(f"{_writeSelection(protocol, ids)},")  # file and, after the comma, a prefix of tables: none
    project.launchProtocol(subset, wait=True)
    outputs = [output for _, output in subset.iterOutputAttributes()]
    if not outputs:
        raise PyworkflowException(
            f"The set was not made: {subset.getErrorMessage() or 'its protocol did not start'}. The log "
            f"of '{subset.getObjLabel()}' says why."
        )
    path = subset._getExtraPath(PARTICLES_FILE)
    writeParticles(outputs[0], path, subset._getExtraPath("stacks"))
    return subset, path


def _writeSelection(protocol, ids):
    """A file of ids, each selection its own."""
    folder = protocol._getExtraPath(SELECTIONS_FOLDER)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{len(os.listdir(folder)) + 1:03d}.txt")
    with open(path, "w") as handle:
        handle.write(" ".join(map(str, ids)))
    return path
