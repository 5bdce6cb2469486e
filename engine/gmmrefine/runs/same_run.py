"""What a run was made from, and whether it is still that run when a command is given again."""

import json
import os
import platform
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple

import gmmrefine
from gmmrefine.errors import InputError
from gmmrefine.plain_json import to_json
from gmmrefine.regular_file import FilePath
from gmmrefine.runs.earlier_run import read_record, refuse_record_of_other_command
from gmmrefine.runs.input_marks import file_hash
from gmmrefine.settings import NONE, SETTINGS

# settings that say where and how fast, not what comes out
_FREE_TO_CHANGE = ("threads", "device", "batch_size", "iterations", "patch_iterations", "only", "composite_weights", "verify")


def origin_of(command: str, settings: Mapping[str, Any], inputs: Iterable[Optional[FilePath]]) -> Dict[str, Any]:
    """What was run on what."""
    return {
        "command": command,
        "version": gmmrefine.__version__,
        "settings": settings,
        "seed": settings.get("seed"),
        "machine": {"system": platform.platform(), "processors": os.cpu_count()},
        "inputs": {str(path): file_hash(path) for path in inputs if path},
    }


def refuse_other_run(
    directory: FilePath, command: str, settings: Mapping[str, Any], inputs: Iterable[Optional[FilePath]]
) -> None:
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
        refuse_difference(directory, earlier, origin_of(command, settings, inputs))


def refuse_difference(directory: FilePath, earlier: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    """Refuse to continue a run, ``earlier`` being its run.json, as another one."""
    mine = json.loads(to_json(mine))
    refuse_record_of_other_command(directory, earlier, mine["command"])
    free: Tuple[str, ...] = _FREE_TO_CHANGE
    if not any(entry["kind"] == "patches" for entry in earlier["exchanges"]):
        free += ("patches", "patch_mode")  # none were made yet
    changed = [
        f"{name} was {_in_words(earlier['settings'].get(name))}, now {_in_words(value)}"
        for name, value in mine["settings"].items()
        if name not in free
        and not _is_same(
            _as_read(name, earlier["settings"].get(name)), _as_read(name, value), earlier["inputs"], mine["inputs"]
        )
    ]
    if changed:
        raise InputError(
            f"{directory} holds a run with other settings: {'; '.join(changed)}. Repeat the same command to "
            "continue it, or use another folder with -o."
        )
    if sorted(earlier["inputs"].values()) != sorted(mine["inputs"].values()):
        raise InputError(
            f"{directory} holds a run on other input: the content of {', '.join(mine['inputs'])} differs "
            "from what was read then. Use another folder with -o."
        )


def _in_words(value: Any) -> str:
    return NONE if value is None else repr(value)


def _as_read(name: str, value: Any) -> Any:
    """A setting as it is read today from the record of a version that may have kept it otherwise."""
    setting = SETTINGS.get(name)
    return value if setting is None or value is None else setting.read(value)


def _is_same(was: Any, now: Any, inputs_then: Mapping[str, str], inputs_now: Mapping[str, str]) -> bool:
    """Whether a setting is unchanged; files are told by their content, wherever they lie and however that is written."""
    if was == now:
        return True
    content = inputs_then.get(was) if isinstance(was, str) else None
    return content is not None and content == inputs_now.get(now)
