"""The end of a report: all results, the settings, and what the run was made of."""

from typing import Any, Dict, List, Mapping, Optional, Set

from gmmrefine.progress import readable_time
from gmmrefine.report.folder import RunFolder
from gmmrefine.report.page import Section, folded, heading, shown, table, text
from gmmrefine.runs.exchanges import EXCHANGES
from gmmrefine.settings import SETTINGS

_MOST_VALUES = 40  # of one result; longer ones are in the tables of the folder


def results_section(run: RunFolder) -> Optional[Section]:
    """Every result of run.json as it stands there, folded; None where there is none."""
    rows = [[name, value] for name, value in run.results.items() if not _is_long(value)]
    if not rows:
        return None
    return Section("All results", (folded("Results as recorded in run.json", table(["result", "value"], rows)),))


def settings_section(run: RunFolder) -> Section:
    """Settings that were chosen first, then those left as they were."""
    chosen: List[List[Any]] = []
    usual: List[List[Any]] = []
    for name, value in run.settings.items():
        setting = SETTINGS.get(name)
        row = [name.replace("_", "-"), _empty_as_none(value), setting.unit if setting else ""]
        is_usual = setting is not None and (None if value is None else setting.read(value)) == setting.default
        (usual if is_usual else chosen).append(row + ([] if is_usual or not setting else [_empty_as_none(setting.default)]))
    parts = (
        [table(["setting", "value", "unit", "default"], [row + [None] * (4 - len(row)) for row in chosen])]
        if chosen
        else [text("All settings are at their defaults.")]
    )
    if usual:
        parts.append(folded(f"{len(usual)} settings at their defaults", table(["setting", "value", "unit"], usual)))
    return Section("Settings", tuple(parts))


def provenance_section(run: RunFolder) -> Section:
    """Version, machine, inputs, half sets and what they told each other, times and memory."""
    record = run.record
    machine = record.get("machine", {})
    memory = record.get("peak_memory_mb")
    rows: List[List[Any]] = [
        ["command", f"gmmrefine {record['command']}"],
        ["version", record.get("version")],
        ["seed", record.get("seed")],
        ["finished", run.is_finished],
        ["system", machine.get("system")],
        ["processors", machine.get("processors")],
        ["computed on", record.get("device")],
        ["peak memory", f"{memory:.0f} MB" if memory else None],
        ["images", record.get("images")],
        ["half-set hash (which image is in which half)", record.get("half_set_hash")],
    ]
    parts = [table(["", ""], [row for row in rows if row[1] is not None])]
    if record.get("inputs"):
        parts += [heading("Inputs"), table(["file", "SHA-256"], [list(item) for item in record["inputs"].items()])]
    if record.get("timings"):
        parts += [
            heading("Time"),
            table(["step", "time"], [[step, readable_time(seconds)] for step, seconds in record["timings"].items()]),
        ]
    if record.get("exchanges"):
        parts += [
            heading("All that the half sets told each other"),
            table(["what", "what crossed", "up to", "what for", "iterations"], _exchanges(record)),
        ]
    return Section("Provenance", tuple(parts))


def _exchanges(record: Mapping[str, Any]) -> List[List[Any]]:
    """What was exchanged, why, and in which iterations."""
    iterations: Dict[str, Set[int]] = {}
    for entry in record["exchanges"]:
        iterations.setdefault(entry["kind"], set()).add(entry["iteration"])
    known = {kind: EXCHANGES[kind] for kind in iterations if kind in EXCHANGES}
    return [[one.title, one.crosses, one.resolution, one.why, sorted(iterations[kind])] for kind, one in known.items()] + [
        [kind, "", "", "", sorted(iterations[kind])] for kind in iterations if kind not in known
    ]


def _is_long(value: Any) -> bool:
    """Whether a result is a table that the page shows elsewhere, or too long for a cell."""
    is_table = isinstance(value, list) and any(isinstance(item, dict) for item in value)
    return is_table or (isinstance(value, (list, dict)) and len(value) > _MOST_VALUES)


def _empty_as_none(value: Any) -> Optional[str]:
    return None if value == "" else shown(value)
