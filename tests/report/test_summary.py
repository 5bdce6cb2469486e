"""What a report says first about each command's results."""

import pytest
from report_runs import HISTORY, write_record

from gmmrefine.report.folder import read_run
from gmmrefine.report.summary import cautions, summary

PATCH = {"gmmMeanFscBefore": 0.5, "gmmMeanFscAfter": 0.6}
SUMMARIES = {
    "refine": (
        {"resolution_text": "7.50 Å (FSC = 0.143)", "iteration": 1, "iterations": HISTORY},
        [
            "300 particles, box 40 px of 2.5 Å, refined against Gaussian mixture models, one per half set. The resolution was "
            "9.00 Å at the start and is now 7.50 Å (FSC = 0.143).",
            "Iteration 1 of 2 was the best; particles turned by 1.25° and moved by 0.50 Å on average.",
        ],
    ),
    "refine-patches": (
        {
            "patches": 3,
            "resolution_text": "6.00 Å (FSC = 0.143)",
            "resolution_before": 7.0,
            "caution": "a composite is not one.",
            "patch_table": [PATCH, {**PATCH, "gmmMeanFscAfter": 0.5001}, {**PATCH, "gmmMeanFscAfter": 0.4}],
        },
        [
            "300 particles, box 40 px of 2.5 Å, refined in 3 patches. The resolution was 7.00 Å in "
            "the global maps; that of the "
            "composite is 6.00 Å (FSC = 0.143).",
            "Half maps agree better than before in 1 of 3 patches, worse in 1 (mean FSC).",
            "A composite is not one.",
        ],
    ),
    "composite": (
        {
            "parts": ["a", "b"],
            "resolution_text": "6.00 Å",
            "seam_text": "seams: differ by 0.123",
            "grey_scale_notes": ["note: b was multiplied by 2"],
            "caution": "not one.",
        },
        ["Composite of a, b: resolution 6.00 Å.", "Seams: differ by 0.123.", "Note: b was multiplied by 2.", "Not one."],
    ),
    "reconstruct": ({"resolution_text": "8.00 Å"}, ["Half maps of 300 particles, box 40 px of 2.5 Å: resolution 8.00 Å."]),
    "build": (
        {"gaussians": 50, "resolution": 9.0, "mean_fsc": 0.98, "fsc_at_resolution": 0.9},
        ["50 Gaussians fitted to a map up to 9.00 Å; mean FSC with it 0.980, at that resolution 0.900."],
    ),
    "local-resolution": (
        {"resolution": 4.0, "median": 5.0, "quartiles": [4.5, 5.0, 6.0], "share_unresolved": 0.25},
        [
            "Local resolution inside the mask: median 5.00 Å, half of the voxels between 4.50 and 6.00 Å.",
            "The FSC of the whole gives 4.00 Å.",
            "25% of the voxels in the mask are coarser than can be measured.",
        ],
    ),
    "sharpen": (
        {
            "sharpening": "b-factor",
            "resolution": 4.0,
            "b_factor": 90.0,
            "guinier_range": [10.0, 4.2],
            "atoms_of_zero_occupancy": 70,
            "alternatives": 0,
        },
        [
            "Map sharpened (b-factor) and cut at 4.00 Å.",
            "B factor 90.0 Å², fitted from 10.0 to 4.2 Å.",
            "70 atoms of the model have occupancy 0: the map is sharpened as if they were not "
            "there. Set it to 1 where they are "
            "right.",
            "Sharpening and filtering change what can be seen in a map, ligands above all: look at the unmodified map too.",
        ],
    ),
    "modify": (
        {
            "resolution_text": "4.00 Å",
            "smearing_text": "smearing: none",
            "error_inside_mask": 0.25,
            "audited": True,
            "audit": {"sigma": 0.4, "counts": {"kept": 9, "weakened": 1, "lost": 2}, "lost": ["A/MG 7", "A/ATP 8"]},
        },
        [
            "Density modified without a learned prior; resolution of the half maps 4.00 Å.",
            "Smearing: none.",
            "Standard error of a voxel inside the mask: 25 % of the density's deviation.",
            "Audit (Q-score, σ 0.4 Å): 9 kept, 1 weakened, 2 lost; lost: A/MG 7, A/ATP 8.",
            "Sharpening and filtering change what can be seen in a map, ligands above all: look at the unmodified map too.",
        ],
    ),
    "qscore": (
        {
            "mean_q": 0.6,
            "median_q": 0.65,
            "atoms": 100,
            "sigma": 0.6,
            "expected_q": {"protein": 0.55},
            "atoms_outside": 3,
            "place": {"part_in_density": 0.97, "atoms_in_empty_density": 3},
            "unknown_residues": ["XYZ"],
        },
        [
            "Mean Q 0.600, median 0.650 of 100 atoms (σ 0.6 Å).",
            "Expected of protein at this resolution: 0.550.",
            "3 atoms lie outside the map and have no part in this.",
            "No component class is known for XYZ.",
        ],
    ),
    "audit": (
        {
            "hydrogens_left_out": 12,
            "maps": {
                "deposited": {"place": {"part_in_density": 0.8, "atoms_in_empty_density": 40}},
                "changed": {"atoms_outside": 3, "residues_outside": ["A/GLY 1"]},
            },
            "reference": "deposited",
            "sigma": 0.6,
            "models_refitted_to_maps": False,
            "counts": {"changed": {"kept": 2, "lost": 1, "weakened": 0}},
            "lost": {"changed": ["A/ATP 2"]},
        },
        [
            "1 modified map against deposited (Q-score, σ 0.6 Å).",
            "changed: 2 kept, 1 lost; lost: A/ATP 2.",
            "40 atoms of the model lie where the map shows nothing.",
            "12 hydrogens are not scored.",
            "changed: 3 atoms lie outside the map and have no Q: A/GLY 1.",
            "All maps are scored with one model that was not refitted to them.",
        ],
    ),
    "export": ({"particles": 300}, ["export: finished."]),
}


@pytest.mark.parametrize("command", SUMMARIES)
def test_summary_and_cautions(tmp_path, command):
    results, expected = SUMMARIES[command]
    run = read_run(str(write_record(tmp_path / "run", command=command, results=results)))
    assert summary(run) + cautions(run) == expected


def test_record_of_another_version_is_summed_up_all_the_same(tmp_path):
    run = read_run(str(write_record(tmp_path, results={"resolution_text": "7.50 Å"})))
    assert summary(run) == ["refine: resolution 7.50 Å."]


def test_focus_and_symmetry_copies_are_named(tmp_path):
    results = {"resolution_text": "7.50 Å", "iteration": 0, "iterations": HISTORY}
    folder = write_record(tmp_path, results=results, images=900)
    (folder / "focus_mask.mrc").write_text("")
    first, second = summary(read_run(str(folder)))
    assert first.startswith("300 particles (900 images with their symmetry copies), box") and "resolution in the focus" in first
    assert second == "No iteration improved the map; the result is that of the start poses."
