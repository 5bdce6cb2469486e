"""The run that a folder already holds, by its run.json, and whether it may be continued, overwritten or used."""
import json
import os
from typing import Any, Dict, Mapping, Optional, Tuple

from gmmrefine.errors import InputError
from gmmrefine.regular_file import FilePath
from gmmrefine.runs.record_file import plain
from gmmrefine.settings import SETTINGS

# settings that say where and how fast, not what comes out
_FREE_TO_CHANGE = ("threads", "device", "batch_size", "iterations", "patch_iterations", "only", "composite_weights")


def read_record(directory: FilePath) -> Optional[Dict[str, Any]]:
    """The run.json of a folder, dict; None where there is none.

    Raises
    ------
    InputError
        It cannot be read, or says nothing of a run.
    """
    path = os.path.join(directory, "run.json")
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}). Run the command again in another folder.") from error
    if not (isinstance(record, dict) and isinstance(record.get("command"), str) and isinstance(record.get("settings"), dict)):
        raise InputError(f"{path} names no command and settings; expected the record of a run. Is it another program's?")
    return {"inputs": {}, "exchanges": [], "timings": {}, "finished": False, **record}


def mask_given_to(path: FilePath) -> str:
    """The mask that a run, or the one it followed, was given, as it lies beside its run.json at ``path``; empty where it was
    made from the half maps, or the run tells of none."""
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        mask = next(entry["value"] for entry in record["exchanges"] if (entry["kind"], entry["iteration"]) == ("mask", 0))
        beside = os.path.join(os.path.dirname(os.path.abspath(path)), os.path.basename(mask))
        settings = record["settings"]
        return beside if settings["mask"] or mask_given_to(settings.get("pin_exchanges", "")) else ""
    except (OSError, ValueError, LookupError, TypeError, StopIteration, RecursionError):
        return ""  # whoever follows its exchanges says what is wrong


def recorded_command(directory: FilePath) -> str:
    """The command whose run a folder holds; empty where it holds none."""
    record = read_record(directory)
    return "" if record is None else record["command"]


def finished_settings(directory: FilePath) -> Optional[Dict[str, Any]]:
    """The settings of the run in a folder, dict; None where there is none or it is not finished."""
    record = read_record(directory)
    return record["settings"] if record is not None and record["finished"] else None


def has_iterations(directory: FilePath) -> bool:
    """Whether a refinement has left iterations in a folder."""
    return os.path.exists(os.path.join(directory, "iterations"))


def refuse_other_command(directory: FilePath, command: str) -> None:
    """Refuse a folder with results of another command: they would lose their record, or be overwritten."""
    record = read_record(directory)
    if record is not None and (record["finished"] or has_iterations(directory)):
        refuse_record_of_other_command(directory, record, command)


def refuse_record_of_other_command(directory: FilePath, record: Mapping[str, Any], command: str) -> None:
    """Refuse a folder whose run.json, ``record``, is of another command."""
    if record["command"] != command:
        raise InputError(f"{directory} holds a '{record['command']}' run, not '{command}'. Use another folder with -o.")


def refuse_unfinished_run(directory: FilePath) -> None:
    """Refuse the results of a run that was stopped: its half maps may be of different iterations."""
    record = read_record(directory)
    if record is not None and not record["finished"]:
        raise InputError(
            f"{directory}: its '{record['command']}' run is not finished. Give the same command again, which continues it, and "
            "take the result then.")


def refuse_difference(directory: FilePath, earlier: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    """Refuse to continue a run as another one.

    Parameters
    ----------
    directory : str or Path
    earlier : dict
        Its run.json.
    mine : dict
        As of ``origin_of``.
    """
    mine = json.loads(json.dumps(mine, default=plain))
    refuse_record_of_other_command(directory, earlier, mine["command"])
    free: Tuple[str, ...] = _FREE_TO_CHANGE
    if not any(entry["kind"] == "patches" for entry in earlier["exchanges"]):
        free += ("patches", "patch_mode")  # none were made yet
    changed = [
        f"{name} was {earlier['settings'].get(name)!r}, now {value!r}"
        for name, value in mine["settings"].items()
        if name not in free and not _is_same(
            _as_read(name, earlier["settings"].get(name)), _as_read(name, value), earlier["inputs"], mine["inputs"])]
    if changed:
        raise InputError(
            f"{directory} holds a run with other settings: {'; '.join(changed)}. Repeat the same command to "
            "continue it, or use another folder with -o.")
    if sorted(earlier["inputs"].values()) != sorted(mine["inputs"].values()):
        raise InputError(
            f"{directory} holds a run on other input: the content of {', '.join(mine['inputs'])} differs "
            "from what was read then. Use another folder with -o.")


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
