"""The report of folders written by hand: which sections, which sentences, and what happens to bad and unfinished runs."""

import json
import re

import numpy as np
import pytest
from report_runs import HISTORY, RECORD, write_fsc, write_full_run, write_particles, write_record, write_scores

from gmmrefine.errors import InputError
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.patches import Patch
from gmmrefine.io.curves import write_curves
from gmmrefine.io.gmm_file import write_gmm
from gmmrefine.pipelines.patch_geometry import write_patches
from gmmrefine.report.conformations import conformations_section
from gmmrefine.report.folder import read_run
from gmmrefine.report.report import report
from gmmrefine.report.sections import SECTIONS, fsc_section, gmm_section, poses_section
from gmmrefine.runs.exchanges import EXCHANGES

FSC = {name: np.linspace(1, 0, 21).tolist() for name in ("fsc", "unmasked", "masked", "randomised", "power")}


def written(folder):
    """The report of a folder as text without the library and the data of its figures."""
    report(str(folder))
    html = (folder / "report.html").read_text(encoding="utf-8")
    return re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)


def section_titles(html):
    return re.findall(r"<h2>(.*?)</h2>", html)


def test_summary_and_cautions_come_first(tmp_path):
    results = {
        "parts": ["a"],
        "resolution_text": "6.00 Å",
        "seam_text": "seams: none",
        "grey_scale_notes": [],
        "caution": "a composite is not one.",
    }
    html = written(write_record(tmp_path / "run", command="composite", results=results))
    assert "<title>composite: run</title>" in html
    places = [html.index(words) for words in ("Composite of a: resolution 6.00 Å.", "A composite is not one.", "<section")]
    assert places == sorted(places)


def test_a_patch_that_is_not_resolved_has_a_dash(tmp_path):
    """In the table 0 stands for none; shown as 0.00 Å it would be the best of all. A rotation of 0 is one."""
    row = {
        "gmmPatch": 1,
        "gmmVolume": 5e4,
        "gmmResolutionBefore": 9.5,
        "gmmResolutionAfter": 0.0,
        "gmmMeanFscBefore": 0.5,
        "gmmMeanFscAfter": 0.0,
        "gmmRotationChange": 0.0,
        "gmmShiftChange": 1.0,
    }
    html = written(
        write_record(
            tmp_path / "run",
            command="refine-patches",
            results={
                "patches": 1,
                "resolution_text": "none",
                "resolution_before": 9.5,
                "patch_table": [row],
                "caution": "none.",
            },
        )
    )
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html[html.index("Patches before and after") :])[:8]
    assert cells == ["1", "50000", "9.50", "–", "0.5000", "0.0000", "0.00", "1.00"]


def test_full_folder_has_every_section_in_order(tmp_path):
    folder = write_full_run(tmp_path / "run", results={"iterations": HISTORY, "resolution": 7.5}, command="export")
    control = {"title": "noise", "images": 50, "resolution_before": None, "resolution_after": 20.0, "gain": 0.01}
    control.update(gain_above_control=0.02, rotation_change_deg=0.5, shift_change=0.2, passes=True)
    (folder / "controls.json").write_text(json.dumps({"controls": [control], "methods": "Noise gave nothing."}))
    run = read_run(str(folder))
    assert all(make(run) for make in SECTIONS)
    html = written(folder)
    assert section_titles(html) == [
        "Resolution",
        "Controls",
        "Patches",
        "Conformations",
        "Pose changes",
        "Angular coverage",
        "Resolution by direction",
        "Gaussian mixture model",
        "Local resolution",
        "Maps",
        "Q-scores",
        "Audit of the maps",
        "All results",
        "Settings",
        "Provenance",
    ]
    assert html.count("plotly-graph-div") == 22


def test_conformations_show_each_half_by_itself(tmp_path):
    section = conformations_section(read_run(str(write_full_run(tmp_path / "run"))))
    figures = {part.title: part.plot for part in section.parts if hasattr(part, "plot")}
    assert list(figures) == [
        "Where particles lie in the latent space",
        "How far particles are from the neutral state",
        "Training",
    ]
    latents = figures["Where particles lie in the latent space"].data
    assert [trace.name for trace in latents] == ["half 1", "half 2"] and {len(trace.x) for trace in latents} == {40}
    assert [trace.name for trace in figures["Training"].data] == [
        "half 1, trained on",
        "half 1, held out",
        "half 2, trained on",
        "half 2, held out",
    ]


def test_empty_folder_has_settings_and_provenance_only(tmp_path):
    assert section_titles(written(write_record(tmp_path / "run", command="export"))) == ["Settings", "Provenance"]


def test_curves_by_iteration_and_patch(tmp_path):
    folder = write_full_run(tmp_path / "run")
    for number in (1, 2):
        write_fsc(folder / "patches" / f"{number:02d}" / "fsc.star", 10 + number)
        write_particles(folder / "patches" / f"{number:02d}" / "particles.star", np.random.default_rng(number))
    run = read_run(str(folder))
    figures = {part.title: part.plot for part in fsc_section(run).parts if hasattr(part, "plot")}
    by_iteration = figures["FSC of the half maps by iteration"].data
    assert [trace.name for trace in by_iteration] == ["start", "iteration 1", "iteration 2"]
    by_patch = figures["FSC of the half maps by patch"].data
    assert [trace.name for trace in by_patch] == ["patch 1", "patch 2", "composite", "global map"]
    assert by_patch[1].y[11] == pytest.approx(0.5)  # the curve of patch 2 falls at shell 12
    poses = poses_section(run).parts[0].plot
    assert [trace.name for trace in poses.data] == ["patch 1", "patch 2"] and np.sum(poses.data[0].y[:-1]) == 300


def test_gaussians_of_the_last_iteration_stand_for_those_of_the_result(tmp_path):
    folder = write_full_run(tmp_path / "run")
    assert [len(trace.x) for trace in gmm_section(read_run(str(folder))).parts[0].plot.data] == [80, 80]
    for half in (1, 2):
        (folder / f"gmm_half_{half}.star").unlink()
        for iteration, count in ((0, 5), (1, 7)):
            gmm = Gmm(np.zeros((count, 3)), np.ones(count), np.ones(count))
            write_gmm(folder / "iterations" / f"{iteration:02d}" / f"gmm_half_{half}.star", gmm)
    assert [len(trace.x) for trace in gmm_section(read_run(str(folder))).parts[0].plot.data] == [7, 7]


def test_patches_have_colours_of_their_own(tmp_path):
    folder = write_full_run(tmp_path / "run")
    write_patches(folder / "patches.star", [Patch(np.array([[0, 0, side * 20.0, 30.0]])) for side in (-1, 1)])
    traces = gmm_section(read_run(str(folder))).parts[0].plot.data
    assert [trace.name for trace in traces] == ["patch 1", "patch 2"] and sum(len(trace.x) for trace in traces) == 160
    assert max(traces[0].z) <= 0 <= min(traces[1].z)


def test_one_curve_where_there_was_no_mask(tmp_path):
    folder = write_record(tmp_path / "run", command="fsc")
    frequency, fsc = np.arange(5) / 20, np.linspace(1, 0, 5)
    write_curves(
        folder / "fsc.star",
        {"gmmFrequency": frequency, "gmmFsc": fsc, "gmmFscUnmasked": fsc, "gmmFscMasked": fsc, "gmmFscRandomised": 0 * fsc},
    )
    plot = fsc_section(read_run(str(folder))).parts[0].plot
    assert [trace.name for trace in plot.data] == ["no mask"]


def test_curve_of_modified_half_maps_stands_beside_that_of_the_given_ones(tmp_path):
    folder = write_record(tmp_path / "run", command="modify")
    frequency, fsc = np.arange(5) / 20, np.linspace(1, 0, 5)
    write_curves(
        folder / "fsc.star",
        {
            "gmmFrequency": frequency,
            "gmmFsc": fsc,
            "gmmFscUnmasked": 0.9 * fsc,
            "gmmFscMasked": fsc,
            "gmmFscRandomised": 0 * fsc,
            "gmmFscModified": np.sqrt(fsc),
        },
    )
    figure = fsc_section(read_run(str(folder))).parts[0]
    assert figure.plot.data[-1].name == "modified half maps" and figure.plot.data[-1].y == pytest.approx(np.sqrt(fsc[1:]))
    assert "'corrected for the mask' first falls below 0.143. Quote that, not the curve of the modified" in figure.caption


def test_audit_of_a_modified_map_is_in_its_report(tmp_path):
    audit = write_record(
        tmp_path / "run" / "audit",
        command="audit",
        results={"sigma": 0.4, "reference": "unmodified", "models_refitted_to_maps": False, "hydrogens_left_out": 3},
    )
    write_scores(audit, np.random.default_rng(1))
    html = written(write_record(tmp_path / "run", command="modify"))
    assert section_titles(html) == ["Audit of the maps", "Settings", "Provenance"]
    assert html.count("plotly-graph-div") == 3 and html.count("Q-scores with σ 0.4 Å.") == 3
    assert "A/ATP 2" in html and "3 hydrogens are not scored." in html and "not refitted to them" in html
    assert "Audit of the maps" not in section_titles(written(write_record(tmp_path / "other", command="modify")))


def test_settings_and_provenance(tmp_path):
    settings = {"iterations": 3, "initial_resolution": 0.0, "mask": "", "made_up": 4}
    exchanges = [{"kind": "fsc", "iteration": number, "value": FSC} for number in (0, 1)] + [
        {"kind": "mask", "iteration": 0, "value": "mask.mrc"}
    ]
    html = written(write_record(tmp_path / "run", command="export", settings=settings, exchanges=exchanges))
    assert "<td>iterations</td><td>3</td><td></td><td>5</td>" in html and "<td>made-up</td><td>4</td>" in html
    assert "2 settings at their defaults" in html and "<td>initial-resolution</td><td>0</td><td>Å</td>" in html
    for cell in ("ab" * 32, "cd" * 32, "Linux", "512 MB", "1 min 01 s", "CPU", "7"):
        assert f"<td>{cell}</td>" in html
    for kind, iterations in (("fsc", "0, 1"), ("mask", "0")):
        told = EXCHANGES[kind]
        row = "</td><td>".join((told.title, told.crosses, told.resolution, told.why, iterations))
        assert f"<td>{row}</td>" in html


def test_unfinished_run_says_so_and_shows_what_is_there(tmp_path):
    exchanges = [{"kind": "fsc", "iteration": number, "value": FSC} for number in (0, 2)]
    folder = write_record(tmp_path / "run", finished=False, exchanges=exchanges, peak_memory_mb=None, timings={})
    write_fsc(folder / "iterations" / "00" / "fsc.star", 8)
    html = written(folder)
    # the line from 1 to 0 over 20 shells crosses 0.143 at shell 17.14 of a box of 100 Å
    assert "refine: the FSC after iteration 2 gives 5.83 Å." in html and "This run is not finished" in html
    assert section_titles(html) == ["Resolution", "Settings", "Provenance"]
    assert "nothing was measured yet" in written(write_record(tmp_path / "other", finished=False))


def test_several_runs_are_listed_with_a_report_each(tmp_path):
    first = write_record(tmp_path / "all" / "first" / "extra", command="export")
    write_record(first / "patches" / "01")  # part of the first run
    second = write_record(tmp_path / "all" / "second & last", command="reconstruct", results={"resolution_text": "8.00 Å"})
    broken = write_record(tmp_path / "all" / "broken")
    (broken / "fsc.star").write_text("nonsense\n")
    html = written(tmp_path / "all")
    assert '<a href="first/extra/report.html">first/extra</a>' in html and "resolution 8.00 Å." in html
    assert '<a href="second &amp; last/report.html">' in html
    assert "no report: " in html and "fsc.star is not a STAR file" in html
    assert (first / "report.html").exists() and (second / "report.html").exists() and not (broken / "report.html").exists()
    assert not (first / "patches" / "01" / "report.html").exists()


def test_only_the_page_is_added_and_it_is_the_same_each_time(tmp_path):
    folder = write_full_run(tmp_path / "run")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    path, notes = report(str(folder))
    first = (folder / "report.html").read_bytes()
    report(str(folder))
    assert path == str(folder / "report.html") and notes == [] and (folder / "report.html").read_bytes() == first
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "report.html"}
    assert after == before


@pytest.mark.parametrize(
    "name, content, words",
    (
        ("run.json", None, ["has no run.json", "folder of a run"]),
        ("run.json", "{", ["run.json is damaged"]),
        ("run.json", "[1]", ["names no command"]),
        ("run.json", json.dumps({**RECORD, "settings": None}), ["names no command"]),
        ("fsc.star", "data_fsc\n\nloop_\n_gmmFrequency #1\n0.1\n", ["fsc.star", "gmmFsc is missing"]),
        (
            "fsc.star",
            "data_fsc\n\nloop_\n_gmmFrequency #1\n_gmmFsc #2\n0 1\n0.2\n",
            ["fsc.star, line 7", "1 values for 2 columns"],
        ),
        (
            "particles.star",
            "data_particles\n\nloop_\n_rlnAngleRot #1\n_rlnAngleTilt #2\n1 x\n",
            ["row 1", "rlnAngleTilt is 'x'"],
        ),
        ("audit.star", "data_audit\n\nloop_\n_gmmMap #1\nm\n", ["audit.star", "gmmChain"]),
        ("patches.star", "data_patches\n\nloop_\n_gmmPatch #1\n1\n", ["patches.star", "gmmRadius"]),
        ("map.mrc", "text", ["map.mrc", "not a readable MRC map"]),
        ("gmm.star", "data_gmm\n\nloop_\n_gmmX #1\n1\n", ["gmm.star", "gmmY"]),
    ),
)
def test_bad_files_are_named_and_nothing_is_written(tmp_path, name, content, words):
    folder = write_record(tmp_path / "run")
    for half in (1, 2):
        write_gmm(folder / f"gmm_half_{half}.star", Gmm(np.zeros((5, 3)), np.ones(5), np.ones(5)))
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises(InputError) as caught:
        report(str(folder))
    assert all(word in str(caught.value) for word in words) and "\n" not in str(caught.value)
    assert not (folder / "report.html").exists()


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "particles.star").write_text("")
    with pytest.raises(InputError, match="is not a folder"):
        report(str(tmp_path / "particles.star"))
