"""The images of a run: their stacks watched for changes, and hashes that tell which images something was made from."""

import hashlib
import os
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.made_from import DIGITS, MadeFrom
from gmmrefine.particles.half_sets import HalfSets, half_sets_of
from gmmrefine.particles.particle_set import ParticleSet
from gmmrefine.particles.stack_file import open_stack, stack_layout
from gmmrefine.regular_file import FilePath
from gmmrefine.runs.input_marks import READ_WHOLE, SAMPLED_BLOCKS, different_names, file_hash, stack_mark

_SAMPLED = 64  # images of a half set whose pixels are part of its hash
# what this process has hashed, by path and state of the file, and by the images
_marks: Dict[Any, Any] = {}
_images: Dict[Any, str] = {}


class Stacks:
    """The stacks of a run, as run.json tells of them.

    Parameters
    ----------
    paths : sequence of str
    folder : str
        Of the run; stacks are named from there.
    earlier : dict
        What an earlier part of the run has noted, of ``notes``; empty where there was none.
    verify : bool
        Read every byte: ``settings.VERIFY``.

    Attributes
    ----------
    notes : dict of str to dict
        By path from the run's folder: size, times of change and inode of each stack, hash of blocks spread over it, and with
        ``verify`` the hash of the whole.

    Raises
    ------
    InputError
        The earlier part of the run had other images.
    """

    def __init__(self, paths: Sequence[str], folder: FilePath, earlier: Mapping[str, Any], verify: bool = False) -> None:
        self._paths, self._folder = [os.path.abspath(path) for path in paths], folder
        names = [os.path.relpath(path, os.path.abspath(folder)) for path in self._paths]
        before = _by_place(names, earlier)
        self.notes = {name: _note(path, noted, verify) for name, path, noted in zip(names, self._paths, before)}
        self.doubts = [text for text in (self._doubt(before, verify),) if text]
        changed = [
            (name, why) for (name, now), noted in zip(self.notes.items(), before) for why in [_change(noted, now)] if why
        ]
        if changed:
            name, why = changed[0]
            others = f" and {len(changed) - 1} other stacks" if len(changed) > 1 else ""
            raise InputError(
                f"{folder} holds a run on other images: {name}{others} changed since ({why}). Use another folder with -o, or "
                "put back what the run began with."
            )

    def _doubt(self, before: Sequence[Any], verify: bool) -> str:
        """What cannot be known of stacks (as noted before) whose times changed and whose blocks are the same; or nothing."""
        touched = [
            name
            for (name, now), noted in zip(self.notes.items(), before)
            if noted and now["size"] > READ_WHOLE and noted.get("modified_ns") != now["modified_ns"]
        ]
        if not touched or verify:
            return ""
        return (
            f"{len(touched)} image stacks were written to or copied since the run began, first {touched[0]}; {SAMPLED_BLOCKS} "
            "blocks of each are as they were, the rest was not read. --verify reads all"
        )

    @property
    def marks(self) -> List[str]:
        """One str for each stack that follows its content and not its path."""
        return [_mark(note) for note in self.notes.values()]

    def refuse_changed(self) -> None:
        """Refuse to call a run finished whose stacks were changed while it worked."""
        for path, (name, note) in zip(self._paths, self.notes.items()):
            now = _state(path)
            if _differs(note, now) and _mark(_note(path, {}, False)) != _mark(note):
                raise InputError(
                    f"{self._folder}: {name} was changed while the run was at work, so that its results mix two states of the "
                    "images. Run it again in another folder."
                )


def half_set_hash(particles: ParticleSet, marks: Sequence[str]) -> str:
    """SHA-256 of which image is in which half, whatever the order; symmetry copies of an image are one.

    Stacks are known by their content, ``marks`` (one str each), and those of equal content by their path.
    """
    names = different_names(particles.stacks)
    own = [mark if marks.count(mark) == 1 else f"{mark} {name}" for mark, name in zip(marks, names)]
    return _hash_of(half_sets_of(particles, own))


def slot_hash(particles: ParticleSet) -> str:
    """As ``half_set_hash``, of the places of images in their stacks, whatever they hold."""
    return _hash_of(half_sets_of(particles, different_names(particles.stacks)))


def made_from(particles: ParticleSet) -> Optional[MadeFrom]:
    """The MadeFrom of particles of one half set; None where their stacks cannot be read.

    Hash of which images they are, by stack and number, and of the pixels of 64 of them, evenly spread. It follows nothing of
    the other half set.
    """
    paths = list(map(os.path.abspath, particles.stacks))
    used = np.unique(particles.stack_index)
    try:
        states = [sorted(_state(paths[stack]).items()) for stack in used]
        names = different_names(paths)
        rank = np.argsort(np.argsort(names))
        slots = np.unique((rank[particles.stack_index].astype(np.int64) << 32) + particles.slice_index)
        list_of = hashlib.sha256(repr([names[stack] for stack in used]).encode() + slots.tobytes()).hexdigest()
        key = list_of, repr(states)
        if key not in _images:
            _images[key] = _with_pixels(list_of, slots, dict(zip(rank.tolist(), paths)))
    except (OSError, InputError, IndexError):
        return None  # whoever needs the pixels says what is wrong
    return MadeFrom(_images[key], particles.half)


def _with_pixels(list_of: str, slots: Any, paths: Mapping[int, str]) -> str:
    digest, layouts = hashlib.sha256(list_of.encode()), {}
    for slot in slots[np.unique(np.linspace(0, len(slots) - 1, _SAMPLED).round().astype(int))]:
        path = paths[int(slot >> 32)]
        if path not in layouts:
            layouts[path] = stack_layout(path)
        with open_stack(path) as file:
            digest.update(layouts[path].read(file, slot & 0xFFFFFFFF).tobytes())
    return digest.hexdigest()[:DIGITS]


def _by_place(names: Sequence[str], earlier: Mapping[str, Any]) -> List[Any]:
    """What was noted of each stack: by its path, or where that is unknown by its place in the list."""
    earlier = {name: _as_noted(noted) for name, noted in earlier.items()} if isinstance(earlier, dict) else {}
    if len(earlier) != len(names):
        return [earlier.get(name, {}) for name in names]
    return [earlier.get(name, noted) for name, noted in zip(names, earlier.values())]


def _as_noted(noted: Any) -> Any:
    """A note as it is written now; the first version wrote size and hash as one text."""
    if isinstance(noted, dict) and {"size", "blocks"} <= set(noted):
        return noted
    size, _, blocks = str(noted).partition(" ")
    return {"size": int(size) if size.isdecimal() else -1, "blocks": blocks}


def _state(path: FilePath) -> Dict[str, Any]:
    """What the file system says of a file."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise InputError(f"{path}: the image stack cannot be read ({error.strerror}). Was it moved or removed?") from error
    return {"size": status.st_size, "modified_ns": status.st_mtime_ns, "changed_ns": status.st_ctime_ns, "inode": status.st_ino}


def _note(path: str, noted: Any, verify: bool) -> Dict[str, Any]:
    state = _state(path)
    key = path, *state.values()
    if noted and not _differs(noted, state):
        _marks[key] = noted["blocks"]
    if key not in _marks:
        _marks[key] = stack_mark(path).split()[-1]
    note = {**state, "blocks": _marks[key]}
    if verify:
        note["whole"] = file_hash(path)
    elif "whole" in noted and not _change(noted, note):
        note["whole"] = noted["whole"]
    return note


def _differs(noted: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
    return any(noted.get(name) != value for name, value in state.items())


def _mark(note: Mapping[str, Any]) -> str:
    return f"{note['size']} {note['blocks']}"


def _change(noted: Any, now: Mapping[str, Any]) -> str:
    """How a stack differs from what was noted of it, in words; empty where it does not."""
    if not noted:
        return ""
    if noted["size"] != now["size"]:
        return f"{noted['size']} bytes then, {now['size']} now"
    if noted["blocks"] != now["blocks"]:
        return "same size, other content"
    if "whole" in noted and "whole" in now and noted["whole"] != now["whole"]:
        return "same blocks, but the hash of the whole file differs"
    return ""


def _hash_of(half_sets: HalfSets) -> str:
    return hashlib.sha256(half_sets.first.tobytes() + b"|" + half_sets.second.tobytes()).hexdigest()
