"""run.json: what was run on what, what came out, and everything the half sets told each other."""
import json
import os
import platform
import resource
import shutil
import time
import weakref

import numpy as np

import gmmrefine
from gmmrefine.errors import InputError, ResourceError
from gmmrefine.io.atomic import atomic_path, remove_leftovers
from gmmrefine.io.folder_lock import FolderLock
from gmmrefine.io.half_sets_file import write_half_sets
from gmmrefine.particles.half_sets import half_sets_of
from gmmrefine.particles.symmetry import particle_count
from gmmrefine.pipelines.earlier_run import has_iterations, read_record, refuse_record_of_other_command
from gmmrefine.pipelines.exchanges import EXCHANGES
from gmmrefine.pipelines.input_marks import different_names, file_hash, half_set_hash, stack_mark
from gmmrefine.progress import Progress

WEIGHTS_FOLDER = "weights"
# settings that say where and how fast, not what comes out
_FREE_TO_CHANGE = ("threads", "device", "batch_size", "iterations", "patch_iterations", "only", "composite_weights")

_OF_HALVES = ("grey_values",)  # entries told of each half set, measured with its first map
_SAME_AS_PINNED = "patches", "patch_mode"  # settings that would be ignored

def peak_memory_mb():
    """Largest resident memory of this process so far, MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _refuse_folder(directory):
    """Refuse a folder that cannot be made or written to, by the part of its path that is there."""
    there = os.path.abspath(directory)
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if not os.path.isdir(there) or not os.access(there, os.W_OK | os.X_OK):
        why = "Permission denied" if os.path.isdir(there) else f"{there} is not a folder"
        raise ResourceError(f"{directory}: the folder cannot be made ({why}). Choose another one with -o.")


class RunRecord:
    """The record of one run, kept in ``run.json`` of its folder and rewritten as the run goes.

    The folder is held until the run is finished, the record given up, or the program ends. A run that ended before it had any
    result, be it that it had made its start maps, leaves the folder free for another.

    Parameters
    ----------
    directory : str
        Made when missing.
    command : str
    settings : dict
    inputs : list of str
        Files whose content decides the result.
    take_over : bool
        ``settings.TAKE_OVER``.
    begin : bool
        Write at once; otherwise ``begin`` does, when all else is checked.

    Raises
    ------
    InputError
        Another run is at work in the folder, or it holds a run of another command, other inputs or other settings, or one
        without its record.
    ResourceError
        The folder cannot be made.
    """

    def __init__(self, directory, command, settings, inputs, take_over=False, begin=True):
        self.directory = str(directory)
        self._started = time.time()
        self._content = {
            **_origin(command, settings, inputs), "half_set_hash": None, "exchanges": [], "notes": {}, "results": {},
            "timings": {}, "peak_memory_mb": None, "finished": False}
        _refuse_folder(self.directory)
        self._pinned, self._pinned_facts, self._pinned_settings = {}, {}, {}
        self._is_used, self._worthless = False, False  # whether an earlier run is here; whether what it has left is in the way
        self._looked_at = None, None
        self.take_over = take_over
        self._lock = FolderLock(self.directory, command, take_over)
        weakref.finalize(self, self._lock.release)
        try:
            self._look_for_earlier()
            if begin:
                self.begin()
        except BaseException:
            self._lock.release()
            raise

    def _look_for_earlier(self):
        """Read what the folder holds."""
        self._earlier = earlier = self._read_earlier()
        if earlier is not None:
            self._content.update({key: earlier[key] for key in ("exchanges", "timings", *_OF_HALVES) if key in earlier})
            self._content["notes"] = earlier.get("notes", {})
        self._content["results"] = self._noted({})
        self.resumed = earlier is not None

    def begin(self):
        """Remove what is in the way in the folder, and write the record for the first time."""
        if self._is_used:
            remove_leftovers(self.directory)
        if self._worthless:
            shutil.rmtree(self.path("iterations"))
        self.save()

    def progress(self):
        """The Progress of this run, which keeps its notes here; it begins with whom the folder was taken over from."""
        progress = Progress(self.directory, keep=self.keep_note)
        if self._lock.taken_over:
            progress.say(self._lock.taken_over)
        return progress

    @property
    def earlier_results(self):
        """Results, dict, of the finished run that this one repeats; empty where there was none."""
        return {} if self._earlier is None else self._earlier.get("results", {})

    @property
    def inputs(self):
        """Files whose content decides the result."""
        return list(self._content["inputs"])

    def path(self, *names):
        """A path below the run's folder."""
        return os.path.join(self.directory, *names)

    def set(self, **values):
        """Set top-level entries and save."""
        self._content.update(values)
        self.save()

    def set_of_half(self, name, number, values):
        """Set what is known of one half set, 1 or 2, in a top-level entry of both, and save."""
        if name not in _OF_HALVES:
            raise ValueError(f"entries by half set are {', '.join(_OF_HALVES)}, not {name}")
        self.set(**{name: {**self._content.get(name, {}), f"half_{number}": values}})

    def look_at(self, particles):
        """Refuse to continue a run, or to follow a pinned one, on other particles.

        Parameters
        ----------
        particles : ParticleSet

        Returns
        -------
        tuple
            Fingerprints of the stacks by name, the same in their order, facts about the particles for run.json.
        """
        if self._looked_at[0] is particles:
            return self._looked_at[1]
        marks = [stack_mark(path) for path in particles.stacks]
        stacks = dict(zip(different_names(particles.stacks), marks))
        facts = {
            "half_set_hash": half_set_hash(particles), "box_size": particles.box_size, "pixel_size": particles.pixel_size}
        earlier = stacks if self._earlier is None else self._earlier.get("stacks", stacks)
        changed = [name for name, fingerprint in stacks.items() if earlier.get(name) != fingerprint]
        if changed:
            raise InputError(
                f"{self.directory} holds a run on other images: {changed[0]} and {len(changed) - 1} other stacks changed "
                "since. Use another folder with -o.")
        for name, value in self._pinned_facts.items():
            if value is not None and value != facts[name]:
                raise InputError(
                    f"--pin-exchanges: the earlier run had {name.replace('_', ' ')} {value}, these particles have "
                    f"{facts[name]}. Pin a run of the same particles and half sets.")
        self._looked_at = particles, (stacks, marks, facts)
        return self._looked_at[1]

    def describe_particles(self, particles):
        """Record which images these are and in which half, after ``look_at``.

        Writes ``half_sets.npz``, by which half maps of other half sets are told from those of this run.

        Parameters
        ----------
        particles : ParticleSet
        """
        stacks, marks, facts = self.look_at(particles)
        write_half_sets(self.directory, half_sets_of(particles, marks))
        self.set(stacks=stacks, images=len(particles), particles=particle_count(particles), **facts)

    def keep_note(self, subject, text):
        """Record what a reader of the results must know, the first text for each subject."""
        if subject not in self._content["notes"]:
            self._content["notes"][subject] = text
            self.set(results=self._noted({}))

    def _noted(self, results):
        """Results with the notes of this run, or of the part of it before an interruption."""
        notes = list(self._content["notes"].values())
        return dict(results, notes=notes) if notes else dict(results)

    def was_told(self, kind, key):
        """Whether this run, or the part of it before an interruption, has recorded an exchange."""
        return any((entry["kind"], entry["iteration"]) == (kind, key) for entry in self._content["exchanges"])

    def pin_exchanges(self, path):
        """Use the exchanges of an earlier ``run.json`` from now on; its mask is looked for beside it."""
        try:
            with open(path, encoding="utf-8") as file:
                earlier = json.load(file)
            self._pinned = {(entry["kind"], entry["iteration"]): entry["value"] for entry in earlier["exchanges"]}
            self._pinned_facts = {name: earlier.get(name) for name in ("half_set_hash", "box_size", "pixel_size")}
            self._pinned_settings, command = earlier["settings"], earlier["command"]
            mask = os.path.basename(self._pinned["mask", 0])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(
                f"--pin-exchanges {path}: cannot be read, or holds no exchanges of half sets. Give the run.json of an "
                "earlier refine run.") from error
        if command != self._content["command"]:
            raise InputError(
                f"--pin-exchanges {path}: a run of {command}, but this is {self._content['command']}; the halves exchange "
                "different things there. Give the run.json of the same command.")
        for name in _SAME_AS_PINNED:
            mine, pinned = (settings.get(name) for settings in (self._content["settings"], self._pinned_settings))
            if mine != pinned:
                raise InputError(
                    f"--pin-exchanges {path}: it was run with --{name.replace('_', '-')} {pinned}, now it is {mine}. Give "
                    "the same.")
        folder = os.path.dirname(os.path.abspath(path))
        self._pinned["mask", 0] = os.path.join(folder, mask)
        if ("weights", 0) in self._pinned:
            self._pinned["weights", 0] = [
                os.path.join(folder, WEIGHTS_FOLDER, os.path.basename(weight)) for weight in self._pinned["weights", 0]]

    @property
    def is_pinned(self):
        """Whether exchanges are replayed rather than measured."""
        return bool(self._pinned)

    def told(self, kind, key, measure):
        """Something both halves are told: measured now, or replayed from the pinned run.

        Parameters
        ----------
        kind : str
            One of ``EXCHANGES``.
        key : int
            Iteration.
        measure : callable
            Gives the value as JSON-able data; the only place where a run sees both half sets.
        """
        if kind not in EXCHANGES:
            raise ValueError(f"half sets may be told {', '.join(EXCHANGES)}, not {kind}")
        if EXCHANGES[kind].once and self.was_told(kind, key):
            return next(entry["value"] for entry in self._content["exchanges"] if entry["kind"] == kind)
        if self._pinned and (kind, key) not in self._pinned:
            most = max(number for _, number in self._pinned)
            why = f"it ran fewer iterations. Ask for at most {most}" if key > most else "give the settings that it had"
            raise InputError(f"--pin-exchanges: the earlier run has no {kind} of iteration {key}; {why}.")
        value = self._pinned[kind, key] if self._pinned else measure()
        others = [entry for entry in self._content["exchanges"] if (entry["kind"], entry["iteration"]) != (kind, key)]
        self.set(exchanges=others + [{"kind": kind, "iteration": key, "value": value}])
        return value

    def withdraw(self, kind):
        """Take an exchange back that an earlier result of this folder rested on and the present one does not."""
        self.set(exchanges=[entry for entry in self._content["exchanges"] if entry["kind"] != kind])

    def finish(self, results, seconds_by_step):
        """Write the results; the run is complete."""
        timings = dict(self._content["timings"])
        for step, seconds in seconds_by_step.items():
            timings[step] = round(timings.get(step, 0) + seconds, 3)
        timings["total"] = round(timings.get("total", 0) + time.time() - self._started, 3)
        self.set(results=self._noted(results), timings=timings, peak_memory_mb=peak_memory_mb(), finished=True)
        self._lock.release()

    def save(self):
        """Write run.json, whole or not at all; refused where another run has taken the folder over."""
        self._lock.refuse_if_lost()
        _write(self.path("run.json"), self._content)

    def _read_earlier(self):
        earlier = read_record(self.directory)
        if earlier is None:
            if has_iterations(self.directory):
                raise InputError(
                    f"{self.directory} holds iterations of a run, but not its run.json, so it cannot be continued. "
                    "Remove them, or use another folder with -o.")
            return None
        self._is_used = True
        if not (earlier["finished"] or has_iterations(self.directory)):
            return None
        try:
            _refuse_difference(self.directory, earlier, self._content)
        except InputError:
            if earlier["finished"] or not self._has_only_start_maps():
                raise
            self._worthless = True
            return None
        return earlier

    def _has_only_start_maps(self):
        return os.listdir(self.path("iterations")) == ["00"] and not os.path.exists(self.path("patches"))


def refuse_other_run(directory, command, settings, inputs):
    """Refuse to do part of a run's work with what would give another result; without its run.json nothing is refused.

    Parameters
    ----------
    directory : str
        Of the run.
    command : str
    settings : dict
    inputs : list of str
        Files whose content decides the result.
    """
    earlier = read_record(directory)
    if earlier is not None:
        _refuse_difference(directory, earlier, _origin(command, settings, inputs))


def _refuse_difference(directory, earlier, mine):
    """Refuse to continue a run, ``earlier`` being its run.json, as another one."""
    mine = json.loads(json.dumps(mine, default=_plain))
    refuse_record_of_other_command(directory, earlier, mine["command"])
    free = _FREE_TO_CHANGE
    if not any(entry["kind"] == "patches" for entry in earlier["exchanges"]):
        free += ("patches", "patch_mode")  # none were made yet
    changed = [
        f"{name} was {earlier['settings'].get(name)!r}, now {value!r}"
        for name, value in mine["settings"].items()
        if name not in free and not _is_same(earlier["settings"].get(name), value, earlier["inputs"], mine["inputs"])]
    if changed:
        raise InputError(
            f"{directory} holds a run with other settings: {'; '.join(changed)}. Repeat the same command to "
            "continue it, or use another folder with -o.")
    if sorted(earlier["inputs"].values()) != sorted(mine["inputs"].values()):
        raise InputError(
            f"{directory} holds a run on other input: the content of {', '.join(mine['inputs'])} differs "
            "from what was read then. Use another folder with -o.")


def _is_same(was, now, inputs_then, inputs_now):
    """Whether a setting is unchanged; files are told by their content, wherever they lie and however that is written."""
    if was == now:
        return True
    content = inputs_then.get(was) if isinstance(was, str) else None
    return content is not None and content == inputs_now.get(now)


def write_run_record(directory, command, settings, results, inputs=(), started=None):
    """Write run.json and the one event of a command without steps.

    Parameters
    ----------
    started : float, optional
        ``time.time()`` at the start of the command.
    """
    seconds = round(time.time() - (started or time.time()), 3)
    Progress(directory).event(step=command, seconds=seconds)
    _write(os.path.join(directory, "run.json"), {
        **_origin(command, settings, inputs), "results": results, "timings": {"total": seconds},
        "peak_memory_mb": peak_memory_mb(), "finished": True})


def _origin(command, settings, inputs):
    """What was run on what."""
    return {
        "command": command, "version": gmmrefine.__version__, "settings": settings, "seed": settings.get("seed"),
        "machine": {"system": platform.platform(), "processors": os.cpu_count()},
        "inputs": {str(path): file_hash(path) for path in inputs if path}}


def _write(path, content):
    """Write JSON, whole or not at all."""
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, default=_plain, allow_nan=False)
        file.write("\n")


def _plain(value):
    """NumPy numbers and arrays as JSON."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in run.json")
