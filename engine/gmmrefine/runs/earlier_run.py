"""The run that a folder already holds, by its run.json, and whether it may be continued, overwritten or used."""

import json
import os
from typing import Any, Dict, Mapping, Optional

from gmmrefine.errors import InputError, ResourceError
from gmmrefine.regular_file import FilePath
from gmmrefine.runs.record_file import copied_record, parsed_record


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
            record = parsed_record(file.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
    except ValueError as error:
        record = copied_record(path)
        if record is None:
            raise InputError(f"{path} is damaged ({error}). Run the command again in another folder.") from error
        record = {**record, "restored": f"{path} is damaged ({error}): it is made again from its copy"}
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
            "take the result then."
        )


def refuse_folder(directory: FilePath) -> None:
    """Refuse a folder that cannot be made or written to, by the part of its path that is there."""
    there = os.path.abspath(directory)
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if not os.path.isdir(there) or not os.access(there, os.W_OK | os.X_OK):
        why = "Permission denied" if os.path.isdir(there) else f"{there} is not a folder"
        raise ResourceError(f"{directory}: the folder cannot be made ({why}). Choose another one with -o.")
