# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What a running engine has reported, and how long it still needs."""

import json
import os

EVENTS_FILE = "events.jsonl"
LASTING = ("iteration", "resolution")
ITERATION, TRAINING = "iteration", "train"  # steps that end a round


def readEvents(folder):
    """Everything that an engine has reported, a list of dict in order; empty before it has started."""
    name = os.path.join(folder, EVENTS_FILE)
    if not os.path.exists(name):
        return []
    with open(name) as handle:
        return [json.loads(line) for line in handle if line.endswith("\n")]  # it may be in the middle of the last line


def lastOf(events):
    """The last event, with the newest iteration and resolution of any; empty when nothing was reported yet."""
    lasting = {key: event[key] for event in events for key in LASTING if key in event}
    return {**lasting, **events[-1]} if events else {}


def secondsOfIterations(events, most):
    """Time that the iterations which are not done still need at most; None before the first one is done.

    Parameters
    ----------
    events : list of dict
    most : int
        How many iterations are asked for.

    Returns
    -------
    float or None
    """
    done = {event["iteration"] for event in events if event["step"] == ITERATION}
    numbers = {event["iteration"] for event in events if event.get("iteration")}
    return _left(events, numbers, done, most, lambda event: event.get("iteration"))


def secondsOfTraining(events, most):
    """Time that training both half sets still needs at most; None before the first epoch is done.

    Parameters
    ----------
    events : list of dict
    most : int
        Epochs asked for; a half set may end earlier.

    Returns
    -------
    float or None
    """
    training = [event for event in events if event["step"] == TRAINING]
    numbers = {(event["half"], event["epoch"]) for event in training}
    done = {(event["half"], event["epoch"]) for event in training if "seconds" in event}
    first = len([half for half, _ in numbers if half == 1]) if any(half == 2 for half, _ in numbers) else most
    return _left(training, numbers, done, first + most, lambda event: (event["half"], event["epoch"]))


def _left(events, numbers, done, most, numberOf):
    """Seconds of the rounds that are not done, from the work in those that are.

    The seconds of steps are added up, not those between two lines: a run that was stopped and continued has a gap there, and
    has begun its last round anew.
    """
    if not done:
        return None
    work = {number: {} for number in numbers}
    for event in events:
        if "seconds" in event and numberOf(event) in work:
            work[numberOf(event)][event["step"], event.get("half"), event.get("patch")] = event["seconds"]
    mean = sum(sum(work[number].values()) for number in done) / len(done)
    begun = sum(sum(work[number].values()) for number in numbers - done)
    if events and numberOf(events[-1]) in numbers - done:
        begun += _running(events[-1])
    return max(mean * (most - len(done)) - min(begun, mean), 0.0)


def _running(event):
    """Seconds that a step has been going on, where it has not ended."""
    speed = next((value for name, value in event.items() if name.endswith("_per_s")), 0)
    return event["done"] / speed if speed and "done" in event else 0.0
