"""The section of a report on the controls of a run: of their own folder, or of ``controls`` in the folder of the run."""

import json
from typing import Optional

from gmmrefine.pipelines.control_verdicts import in_words
from gmmrefine.report.folder import RunFolder
from gmmrefine.report.page import Section, rounded, table, text

_PLACES = "controls.json", "controls/controls.json"
_HEADINGS = [
    "control",
    "images",
    "resolution before",
    "resolution after",
    "gain (1/Å)",
    "gain above it (1/Å)",
    "rotation change (°)",
    "shift change (Å)",
    "passes",
]


def controls_section(run: RunFolder) -> Optional[Section]:
    """What the controls gained, and the sentence for Methods."""
    place = next((name for name in _PLACES if run.has(name)), None)
    if place is None:
        return None
    with open(run.path(place), encoding="utf-8") as file:
        found = json.load(file)
    rows = [
        [
            row["title"],
            row["images"],
            in_words(row["resolution_before"]),
            in_words(row["resolution_after"]),
            rounded(row["gain"], 4),
            rounded(row["gain_above_control"], 4),
            rounded(row["rotation_change_deg"], 2),
            rounded(row["shift_change"], 2),
            "yes" if row["passes"] else "no",
        ]
        for row in found["controls"]
    ]
    return Section("Controls", (table(_HEADINGS, rows), text(found["methods"])))
