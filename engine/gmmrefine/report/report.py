"""One HTML page about a run: what was done and how good it is, then figures, settings and provenance."""

import os
from typing import List, Sequence, Tuple

from gmmrefine.errors import EngineError, InputError
from gmmrefine.report.certificate import certificate_section
from gmmrefine.report.folder import RunFolder, read_run, run_folders
from gmmrefine.report.page import link, table, text, write_page
from gmmrefine.report.provenance import provenance_section, results_section, settings_section
from gmmrefine.report.sections import SECTIONS
from gmmrefine.report.summary import cautions, summary

PAGE = "report.html"


def report(directory: str) -> Tuple[str, List[str]]:
    """Write the report of a run's folder; of a folder that holds runs, one report in each and a list of them.

    Parameters
    ----------
    directory : str

    Returns
    -------
    tuple
        Path of the page, list of str: what a user should know.

    Raises
    ------
    InputError
        No run there, or a file of the run that cannot be read.
    """
    if not os.path.isdir(directory):
        raise InputError(f"{directory} is not a folder; expected the folder of a run.")
    folders = [directory] if os.path.exists(os.path.join(directory, "run.json")) else run_folders(directory)
    if folders == [directory] or not folders:
        run = read_run(directory)
        return write_report(run), cautions(run)
    return _report_all(directory, folders)


def write_report(run: RunFolder) -> str:
    """Write the page of one run; gives its path."""
    sections = [section for section in (make(run) for make in SECTIONS) if section]
    sections += [
        section
        for section in (results_section(run), settings_section(run), certificate_section(run), provenance_section(run))
        if section
    ]
    parts = [text(sentence, "summary") for sentence in summary(run)] + [text(sentence, "note") for sentence in cautions(run)]
    write_page(run.path(PAGE), f"{run.record['command']}: {_name(run.directory)}", parts, sections)
    return run.path(PAGE)


def _report_all(directory: str, folders: Sequence[str]) -> Tuple[str, List[str]]:
    """Reports of several runs and their list; a run that cannot be read is named there."""
    rows, notes = [], []
    for folder in folders:
        place = os.path.relpath(folder, directory)
        try:
            run = read_run(folder)
            write_report(run)
            rows.append([link(f"{place}/{PAGE}", place), run.record["command"], " ".join(summary(run) + cautions(run))])
        except EngineError as error:
            rows.append([place, "–", f"no report: {error}"])
            notes.append(f"no report: {error}")
    path = os.path.join(directory, PAGE)
    write_page(path, f"{len(folders)} runs in {_name(directory)}", [table(["folder", "command", "result"], rows)], [])
    return path, notes


def _name(directory: str) -> str:
    return os.path.basename(os.path.abspath(directory))
