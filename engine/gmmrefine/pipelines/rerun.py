"""A run's record turned back into its command line."""

import os

import gmmrefine
from gmmrefine.errors import InputError
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.runs.earlier_run import read_record
from gmmrefine.runs.image_identity import Stacks
from gmmrefine.runs.input_marks import file_hash
from gmmrefine.settings import NONE, SETTINGS

REPEATABLE = "simulate", "reconstruct", "build", "refine", "refine-patches", "heterogeneity"  # one input, all else settings
_WHOLE = {"only": None}  # settings that name a part of a run


def read_for_rerun(path, any_version=False):
    """The record of a run, dict, and its folder.

    Parameters
    ----------
    path : str
        Of run.json, or of the folder it is in.
    any_version : bool
        Take that of another version of this program too.

    Raises
    ------
    InputError
        No record of a command that can be repeated, an input that is gone or has changed, or another version.
    """
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    if not os.path.isdir(path) and os.path.basename(path) != "run.json":
        raise InputError(f"{path}: expected a run.json, or the folder it is in.")
    record = read_record(folder or ".")
    if record is None:
        raise InputError(f"{path}: there is no run.json. Give the record of a run, or its folder.")
    if record["command"] not in REPEATABLE:
        raise InputError(f"{path}: a run of {record['command']}; {', '.join(REPEATABLE)} can be repeated from their records.")
    if record.get("version") != gmmrefine.__version__ and not any_version:
        raise InputError(
            f"{path}: run by version {record.get('version')}, this is {gmmrefine.__version__}, which may give other results. "
            "Use that version, or add --any-version."
        )
    for name, content in record["inputs"].items():
        found = _found(name, folder)
        if file_hash(found) != content:
            raise InputError(
                f"{found}: its content is not that which the run has read. Restore the file, or run the command anew."
            )
    _refuse_other_images(record, folder)
    return record, os.path.normpath(folder or ".")


def _refuse_other_images(record, folder):
    """Refuse where stacks of the run's particles are not those that it has read."""
    known = record.get("stacks")
    if known:
        seed = SETTINGS["split_halves"].read(record["settings"].get("split_halves"))
        Stacks(read_particle_set(_input_of(record, folder), seed, check=False).stacks, folder, known)  # refuses others


def arguments_of(record, parser, folder, output):
    """The words of the command line that repeats a record in another folder, list of str.

    Parameters
    ----------
    record : dict
    parser : argparse.ArgumentParser
        Of its command.
    folder : str
        Of the run.
    output : str
    """
    settings = {**record["settings"], **_WHOLE}
    known = {action.dest: action for action in parser._actions if action.option_strings}
    words = [_input_of(record, folder), "-o", output]
    for name, value in settings.items():
        if name not in known or value == known[name].default:
            continue
        option = known[name].option_strings[-1]
        if known[name].nargs == 0:
            words += [option] if value else []
        else:
            is_input = isinstance(value, str) and value in record["inputs"]
            text = NONE if value is None else _found(value, folder) if is_input else str(value)
            words.append(f"{option}={text}")
    return words


def _input_of(record, folder):
    """The first input: the command's own; for a simulation maybe the model inside this package."""
    name = next(iter(record["inputs"]), None)
    if name is None:
        raise InputError(f"{folder}: its record names no input. Run the command anew.")
    return _found(name, folder)


def _found(name, folder):
    """Where an input is: as it was written, or below a folder above that of the run."""
    places, above = [name], os.path.abspath(folder)
    while not os.path.isabs(name) and above != os.path.dirname(above):
        above = os.path.dirname(above)
        places.append(os.path.join(above, name))
    for place in places:
        if os.path.isfile(place):
            return place
    raise InputError(f"{name}: an input of the run that is not there any more. Restore it, or run the command anew.")
