# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Wait for the runs of a Scipion project and say how each ends: ``scipion3 python -m scipion_gmmrefine.follow NAME``.

``scipion3 template`` comes back when the runs are scheduled, long before they end, and a run whose input has failed stays
scheduled for ever. This ends with exit code 0 when every run has finished, else with 1 and the errors. It only reads.
"""

import os
import re
import sys
import time

from pyworkflow import Config
from pyworkflow.project import Manager, Project
from pyworkflow.protocol import (
    STATUS_ABORTED,
    STATUS_FAILED,
    STATUS_FINISHED,
    STATUS_LAUNCHED,
    STATUS_RUNNING,
    Protocol,
    getUpdatedProtocol,
)
from pyworkflow.utils import getHostFullName, isProcessAlive

SECONDS_BETWEEN_LOOKS = 3
PATIENCE = 300  # seconds in which nothing runs and nothing changes; Scipion's scheduler looks every 120 s at the least
COLOURS = re.compile(r"\x1b\[[\d;]*m")
DIED = "died"
ENDED = (STATUS_FINISHED, STATUS_FAILED, STATUS_ABORTED, DIED)
BUSY = (STATUS_LAUNCHED, STATUS_RUNNING)


def main(arguments):
    """Follow the project that is named."""
    if len(arguments) != 1:
        print("Give the name of one project: python -m scipion_gmmrefine.follow NAME", file=sys.stderr)
        return 1
    name = Project.cleanProjectName(arguments[0])
    manager = Manager()
    if not manager.hasProject(name):
        print(f"There is no project {name} in {manager.PROJECTS}.", file=sys.stderr)
        return 1
    errors = follow(manager.getProjectPath(name))
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


def follow(path, say=print, pause=SECONDS_BETWEEN_LOOKS, patience=PATIENCE):
    """Wait until the runs of a project have ended, or none can go on.

    Parameters
    ----------
    path : str
        Of the project.
    say : callable
        Takes one line for every change.
    pause : float
        Seconds between two looks.
    patience : float
        Seconds in which nothing may run and nothing change before that is given up.

    Returns
    -------
    list of str
        What went wrong with runs; empty when all have finished.
    """
    path = os.path.abspath(path)  # Scipion goes to the folder of a project
    known, suspected, changed = {}, set(), time.monotonic()
    while True:
        runs = currentRuns(path)
        if not runs:
            return [f"{path} holds no runs."]
        dead = {run.getObjId() for run in runs if _hasNoProcess(run)}
        states = {run.getObjId(): DIED if run.getObjId() in dead & suspected else run.getStatus() for run in runs}
        suspected = dead  # a process that hands over to the next one is dead at one look
        for run in runs:
            state = states[run.getObjId()]
            if known.get(run.getObjId()) != state:
                changed = time.monotonic()
                say(f"{time.strftime('%H:%M:%S')}  {run.getRunName()}: {state}")
        known, lost = states, _comeAfterFailures(runs, states)
        stuck = all(state in ENDED or objId in lost for objId, state in states.items()) or (
            time.monotonic() - changed > patience and not any(state in BUSY for state in states.values())
        )
        if stuck:
            return [
                _describe(run, states[run.getObjId()], run.getObjId() in lost)
                for run in runs
                if states[run.getObjId()] != STATUS_FINISHED
            ]
        time.sleep(pause)


def currentRuns(path):
    """The runs of a project as their own databases have them now, in the order they were made.

    Nothing is stored: a look that finds the process of one step gone, and not yet that of the next, would mark a run as failed.

    Parameters
    ----------
    path : str
        Of the project.

    Returns
    -------
    list of Protocol
    """
    project = Project(Config.getDomain(), path)
    project.load()
    try:
        runs = project.mapper.selectAllBatch(objectFilter=lambda found: isinstance(found, Protocol))
        for run in runs:
            run.setProject(project)
        return [_ofItsOwnDatabase(run) for run in runs]
    finally:
        project.closeMapper()


def _ofItsOwnDatabase(run):
    """A run as its own database has it; as the project has it where there is none, or it is being written."""
    try:
        return getUpdatedProtocol(run) if os.path.exists(run.getDbPath()) else run
    except Exception:  # all that pyworkflow raises
        return run


def _describe(run, state, comesAfterFailure):
    """What is known of a run that did not finish, in one line."""
    if comesAfterFailure:
        return f"{run.getRunName()}: not started, as an input has failed"
    error = COLOURS.sub("", run.getErrorMessage() or "") or _whyItWaits(run.getScheduleLog())
    log = next((name for name in (run.getStdoutLog(), run.getScheduleLog()) if os.path.exists(name)), "")
    told = [f"{run.getRunName()}: {state}", " ".join(error.split()).rstrip("."), f"See {os.path.abspath(log)}" if log else ""]
    return ". ".join(filter(None, told))


def _hasNoProcess(run):
    """Whether a run on this machine, not in a queue, should have a process and has none."""
    elsewhere = run.useQueue() or run.getHostFullName() not in (None, "", getHostFullName())
    return run.isActive() and not elsewhere and bool(run.getPid()) and not isProcessAlive(run.getPid())


def _comeAfterFailures(runs, states):
    """Ids of the runs that have not ended and have one among their inputs, or the inputs of those, that failed."""
    failed = {objId for objId, state in states.items() if state in (STATUS_FAILED, STATUS_ABORTED, DIED)}
    lost = set()
    for _ in runs:
        lost |= {
            run.getObjId() for run in runs if states[run.getObjId()] not in (*ENDED, *BUSY) and (failed | lost) & _inputsOf(run)
        }
    return lost


def _inputsOf(run):
    """Ids of the protocols that a run points to."""
    sources = [pointer.getObjValue() for _, pointer in run.iterInputAttributes()]
    return {source.getObjId() for source in sources if isinstance(source, Protocol)}


def _whyItWaits(log):
    """What Scipion's scheduler found wrong when it looked last."""
    if not os.path.exists(log):
        return ""
    with open(log, encoding="utf-8", errors="replace") as handle:
        said = handle.read().rsplit("Checking input data...", 1)[-1]
    return said.partition("doesn't validate:")[2].partition("Checking prerequisites")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
