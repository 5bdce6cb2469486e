"""What a control run leaves: controls.star with a row for each control, and controls.json."""

import json

from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.star import StarBlock, text_columns, write_star

COLUMNS = {  # of the results: label
    "control": "gmmControl",
    "images": "gmmImages",
    "resolution_before": "gmmResolutionBefore",
    "resolution_after": "gmmResolutionAfter",
    "gain": "gmmGain",
    "gain_above_control": "gmmGainAbove",
    "rotation_change_deg": "gmmRotationChange",
    "shift_change": "gmmShiftChange",
    "gain_passes": "gmmGainPasses",
    "poses_pass": "gmmPosesPass",
    "passes": "gmmPasses",
}


def write_controls(run, results):
    """Write the results of ``controls`` beside run.json."""
    rows = results["controls"]
    columns = {label: [_cell(row[name]) for row in rows] for name, label in COLUMNS.items()}
    write_star(run.path("controls.star"), [StarBlock("controls", text_columns(columns))])
    with atomic_path(run.path("controls.json")) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1, allow_nan=False)
        file.write("\n")


def _cell(value):
    """A value as STAR has it: 1 and 0 for yes and no, and 0 for no resolution."""
    if isinstance(value, str):
        return value.replace(" ", "_").replace(",", "")
    return int(value) if isinstance(value, bool) else value or 0.0
