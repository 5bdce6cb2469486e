"""run.json: what was run on what, what came out, and everything the half sets told each other."""

import json
import os
import shutil
import time
import weakref
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

from gmmrefine.errors import InputError
from gmmrefine.io.atomic import remove_leftovers
from gmmrefine.io.half_sets_file import write_half_sets
from gmmrefine.io.made_from import declare, declare_as
from gmmrefine.particles.half_sets import half_sets_of
from gmmrefine.particles.particle_set import ParticleSet
from gmmrefine.particles.symmetry import particle_count
from gmmrefine.progress import Progress
from gmmrefine.regular_file import FilePath
from gmmrefine.runs.command_record import peak_memory_mb
from gmmrefine.runs.earlier_run import has_iterations, read_record, refuse_folder
from gmmrefine.runs.exchanges import EXCHANGES
from gmmrefine.runs.file_sums import SUMS, changed_files, sums_below
from gmmrefine.runs.folder_lock import FolderLock
from gmmrefine.runs.image_identity import Stacks, half_set_hash, made_from, slot_hash
from gmmrefine.runs.input_marks import file_hash
from gmmrefine.runs.record_file import write_with_copy
from gmmrefine.runs.same_run import origin_of, refuse_difference

WEIGHTS_FOLDER = "weights"
_NAMED = 30  # damaged files
_OF_HALVES = ("grey_values",)  # entries told of each half set, measured with its first map
_SAME_AS_PINNED = "patches", "patch_mode"  # settings that would be ignored


class Run:
    """One run: its folder, its log, and its record ``run.json``, rewritten as the run goes.

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
    progress : Progress, optional
        That of the run which this one is a part of, where people look.

    Raises
    ------
    InputError
        Another run is at work in the folder, or it holds a run of another command, other inputs or other settings, or one
        without its record.
    ResourceError
        The folder cannot be made.
    """

    def __init__(
        self,
        directory: FilePath,
        command: str,
        settings: Mapping[str, Any],
        inputs: Iterable[Optional[FilePath]],
        take_over: bool = False,
        *,
        begin: bool = True,
        progress: Optional[Progress] = None,
    ) -> None:
        self.directory = str(directory)
        self.progress = Progress(self.directory, keep=_weak(self.keep_note)) if progress is None else progress
        self._seconds_before = dict(self.progress.seconds)
        self._started = time.time()
        self._content = {
            **origin_of(command, settings, inputs),
            "half_set_hash": None,
            "exchanges": [],
            "notes": {},
            "results": {},
            "timings": {},
            "peak_memory_mb": None,
            "finished": False,
        }
        refuse_folder(self.directory)
        self._pinned: Dict[Tuple[str, int], Any] = {}
        self._pinned_facts: Dict[str, Any] = {}
        self._pinned_settings: Dict[str, Any] = {}
        self._is_used, self._worthless = False, False  # whether an earlier run is here; whether what it has left is in the way
        self._looked_at: Tuple[Optional[ParticleSet], Any] = (None, None)
        self._stacks: Optional[Stacks] = None
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

    def _look_for_earlier(self) -> None:
        """Read what the folder holds."""
        self._earlier, self._damage = self._read_earlier(), []
        earlier = self._earlier
        if earlier is not None:
            kept = ("exchanges", "timings", "mask_sum", *_OF_HALVES)
            self._content.update({key: earlier[key] for key in kept if key in earlier})
            self._content["notes"] = earlier.get("notes", {})
            changed = changed_files(self.directory, earlier.get(SUMS))
            self._damage = [
                earlier.get("restored", ""),
                *(f"{self.path(name)} is damaged, missing or was changed since: it is made again" for name in changed[:_NAMED]),
            ]
            if len(changed) > _NAMED:
                self._damage.append(f"so are {len(changed) - _NAMED} further files")
        self._content["results"] = self._noted({})
        self.resumed = earlier is not None

    def begin(self) -> None:
        """Remove what is in the way in the folder, and write the record for the first time."""
        if self._is_used:
            remove_leftovers(self.directory)
        if self._worthless:
            shutil.rmtree(self.path("iterations"))
        declare_as(self.directory, self.inputs)
        self.save()
        for text in (self._lock.taken_over, *self._damage):
            if text:
                self.progress.say(text)

    @property
    def earlier_results(self) -> Dict[str, Any]:
        """Results, dict, of the finished run that this one repeats; empty where there was none."""
        return {} if self._earlier is None else self._earlier.get("results", {})

    @property
    def inputs(self) -> List[str]:
        """Files whose content decides the result."""
        return list(self._content["inputs"])

    def path(self, *names: str) -> str:
        """A path below the run's folder."""
        return os.path.join(self.directory, *names)

    def set(self, **values: Any) -> None:
        """Set top-level entries and save."""
        self._content.update(values)
        self.save()

    def set_of_half(self, name: str, number: int, values: Any) -> None:
        """Set what is known of one half set, 1 or 2, in a top-level entry of both, and save.

        Parameters
        ----------
        name : str
            Of the entry, one of a closed list.
        number : int
            1 or 2.
        values : object
            JSON-able.
        """
        if name not in _OF_HALVES:
            raise ValueError(f"entries by half set are {', '.join(_OF_HALVES)}, not {name}")
        self.set(**{name: {**self._content.get(name, {}), f"half_{number}": values}})

    def look_at(self, particles: ParticleSet) -> Tuple[Stacks, Dict[str, Any]]:
        """Refuse to continue a run, or to follow a pinned one, on other particles.

        Parameters
        ----------
        particles : ParticleSet

        Returns
        -------
        tuple
            Stacks, facts about the particles for run.json.
        """
        if self._looked_at[0] is particles:
            return self._looked_at[1]
        stacks = Stacks(
            particles.stacks, self.directory, (self._earlier or {}).get("stacks", {}), self._content["settings"].get("verify")
        )
        facts = {
            "half_set_hash": half_set_hash(particles, stacks.marks),
            "slot_hash": slot_hash(particles),
            "box_size": particles.box_size,
            "pixel_size": particles.pixel_size,
        }
        for name, value in self._pinned_facts.items():
            if value is not None and value != facts[name]:
                raise InputError(
                    f"--pin-exchanges: the earlier run had {name.replace('_', ' ')} {value}, these particles have "
                    f"{facts[name]}. Pin a run of the same particles and half sets."
                )
        self._looked_at = particles, (stacks, facts)
        return stacks, facts

    def describe_particles(self, particles: ParticleSet) -> None:
        """Record which images these are and in which half, after ``look_at``.

        Writes ``half_sets.npz``, by which half maps of other half sets are told from those of this run.

        Parameters
        ----------
        particles : ParticleSet
        """
        stacks, facts = self.look_at(particles)
        self._stacks = stacks
        write_half_sets(self.directory, half_sets_of(particles, stacks.marks))
        halves = [
            made_from(particles.subset(members)) if members.any() else None
            for members in (particles.half_set == number for number in (1, 2))
        ]
        declare(self.directory, *halves)
        self.set(
            stacks=stacks.notes,
            images=len(particles),
            particles=particle_count(particles),
            made_from=[str(half) for half in halves if half],
            **facts,
        )
        for note in stacks.doubts:
            self.keep_note("stacks", note)

    def keep_note(self, subject: str, text: str) -> None:
        """Record what a reader of the results must know, the first text for each subject."""
        if subject not in self._content["notes"]:
            self._content["notes"][subject] = text
            self.set(results=self._noted({}))

    def _noted(self, results: Mapping[str, Any]) -> Dict[str, Any]:
        """Results with the notes of this run, or of the part of it before an interruption."""
        notes = list(self._content["notes"].values())
        return dict(results, notes=notes) if notes else dict(results)

    def was_told(self, kind: str, key: int) -> bool:
        """Whether this run, or the part of it before an interruption, has recorded an exchange.

        Parameters
        ----------
        kind : str
            One of ``EXCHANGES``.
        key : int
            Iteration.
        """
        return any((entry["kind"], entry["iteration"]) == (kind, key) for entry in self._content["exchanges"])

    def pin_exchanges(self, path: FilePath) -> None:
        """Use the exchanges of an earlier ``run.json`` from now on; its mask is looked for beside it."""
        try:
            with open(path, encoding="utf-8") as file:
                earlier = json.load(file)
            self._pinned = {(entry["kind"], entry["iteration"]): entry["value"] for entry in earlier["exchanges"]}
            self._pinned_facts = {name: earlier.get(name) for name in ("slot_hash", "box_size", "pixel_size")}
            self._pinned_settings, command = earlier["settings"], earlier["command"]
            mask = os.path.basename(self._pinned["mask", 0])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(
                f"--pin-exchanges {path}: cannot be read, or holds no exchanges of half sets. Give the run.json of an "
                "earlier refine run."
            ) from error
        if command != self._content["command"]:
            raise InputError(
                f"--pin-exchanges {path}: a run of {command}, but this is {self._content['command']}; the halves exchange "
                "different things there. Give the run.json of the same command."
            )
        for name in _SAME_AS_PINNED:
            mine, pinned = (settings.get(name) for settings in (self._content["settings"], self._pinned_settings))
            if mine != pinned:
                raise InputError(
                    f"--pin-exchanges {path}: it was run with --{name.replace('_', '-')} {pinned}, now it is {mine}. Give "
                    "the same."
                )
        folder = os.path.dirname(os.path.abspath(path))
        self._pinned["mask", 0] = os.path.join(folder, mask)
        if ("weights", 0) in self._pinned:
            self._pinned["weights", 0] = [
                os.path.join(folder, WEIGHTS_FOLDER, os.path.basename(weight)) for weight in self._pinned["weights", 0]
            ]

    @property
    def is_pinned(self) -> bool:
        """Whether exchanges are replayed rather than measured."""
        return bool(self._pinned)

    def told(self, kind: str, key: int, measure: Callable[[], Any]) -> Any:
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

    def seal_mask(self, name: str) -> None:
        """Note the hash of the mask, a file of this run, by which damage is seen when the run is continued."""
        self.set(mask_sum={name: file_hash(self.path(name))})

    def has_lost_its_mask(self) -> bool:
        """Whether the mask that this run has made is damaged, or not there any more."""
        return self.was_told("mask", 0) and bool(changed_files(self.directory, self._content.get("mask_sum")))

    def withdraw(self, kind: str) -> None:
        """Take an exchange back that an earlier result of this folder rested on and the present one does not."""
        self.set(exchanges=[entry for entry in self._content["exchanges"] if entry["kind"] != kind])

    def finish(self, results: Mapping[str, Any]) -> None:
        """Write the results and the seconds that each step took; the run is complete."""
        timings = dict(self._content["timings"])
        if self._stacks is not None:
            self._stacks.refuse_changed()
        for step, seconds in self.progress.seconds.items():
            here = seconds - self._seconds_before.get(step, 0)
            if here > 0:
                timings[step] = round(timings.get(step, 0) + here, 3)
        timings["total"] = round(timings.get("total", 0) + time.time() - self._started, 3)
        self.set(
            results=self._noted(results),
            timings=timings,
            peak_memory_mb=peak_memory_mb(),
            finished=True,
            **{SUMS: sums_below(self.directory)},
        )
        self._lock.release()

    def save(self) -> None:
        """Write run.json, whole or not at all; refused where another run has taken the folder over."""
        self._lock.refuse_if_lost()
        write_with_copy(self.path("run.json"), self._content)

    def _read_earlier(self) -> Optional[Dict[str, Any]]:
        earlier = read_record(self.directory)
        if earlier is None:
            if has_iterations(self.directory):
                raise InputError(
                    f"{self.directory} holds iterations of a run, but not its run.json, so it cannot be continued. "
                    "Remove them, or use another folder with -o."
                )
            return None
        self._is_used = True
        if not (earlier["finished"] or has_iterations(self.directory)):
            return None
        try:
            refuse_difference(self.directory, earlier, self._content)
        except InputError:
            if earlier["finished"] or not self._has_only_start_maps():
                raise
            self._worthless = True
            return None
        return earlier

    def _has_only_start_maps(self) -> bool:
        return os.listdir(self.path("iterations")) == ["00"] and not os.path.exists(self.path("patches"))


def _weak(keep_note: Callable[[str, str], None]) -> Callable[[str, str], None]:
    """What keeps notes as a run does, but keeps no run alive: its folder is free when it is given up."""
    kept = weakref.WeakMethod(keep_note)

    def keep(subject: str, text: str) -> None:
        note = kept()
        if note is not None:
            note(subject, text)

    return keep
