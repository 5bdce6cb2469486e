"""The sections on Q-scores and audits: which numbers reach figures and tables."""

import numpy as np
import pytest
from report_runs import write_full_run, write_table

from gmmrefine.report.folder import read_run
from gmmrefine.report.page import Figure
from gmmrefine.report.quality import audit_section, q_section


def figures_of(section):
    return {part.title: part.plot for part in section.parts if isinstance(part, Figure)}


def html_of(section):
    return "".join(part for part in section.parts if isinstance(part, str))


def test_atoms_without_a_score_are_in_no_distribution(tmp_path):
    run = read_run(str(write_full_run(tmp_path)))
    score = run.table("qscore.star").optional_numbers("gmmQScore")
    violin, few = figures_of(q_section(run))["Q-score by component class"].data
    assert np.isnan(score[0]) and np.sum(np.array(violin.x) == "protein backbone") == 59
    assert np.sort(violin.y[:59]).tolist() == np.sort(score[1:60]).tolist()
    assert set(few.x) == {"ion"} and len(few.y) == 2


def test_chains_and_class_table(tmp_path):
    section = q_section(read_run(str(write_full_run(tmp_path, results={"sigma": 0.6, "expected_q": {"protein": 0.5}}))))
    plot = figures_of(section)["Q-score along the chains"]
    assert len(plot.data) == 4 and plot.data[0].x.tolist() == list(range(1, 31)) and plot.layout.shapes[0].y0 == 0.5
    assert "<td>protein backbone</td><td>1</td>" in html_of(section)


def test_lost_copies_stand_before_kept_ones_which_are_folded(tmp_path):
    section = audit_section(read_run(str(write_full_run(tmp_path))))
    html = html_of(section)
    lost, folded, kept = html.index("A/ATP 2"), html.index("<summary>2 that were kept"), html.index("A/MG 1")
    assert lost < folded < kept and '<td class="lost">lost</td>' in html and "<td>ion</td><td>0.700</td>" in html
    bars = {trace.name: list(trace.x) for trace in figures_of(section)["What became of each copy"].data}
    assert bars == {"kept": [2], "weakened": [0], "lost": [1], "unjudged": [0]}


def test_maps_of_an_audit_have_their_names(tmp_path):
    figures = figures_of(audit_section(read_run(str(write_full_run(tmp_path)))))
    names = [trace.name for trace in figures["Q-score by component class"].data if trace.type == "violin"]
    assert names == ["deposited", "changed"]
    change = figures["Change of Q against the reference"].data[0]
    assert change.name == "changed" and change.x[2] == -0.6
    assert list(change.error_x.array[:3]) == pytest.approx([0.02, 0.02, 0])


def test_the_width_of_the_scores_stands_below_every_figure_of_them(tmp_path):
    run = read_run(str(write_full_run(tmp_path, results={"sigma": 0.4})))
    figures = [part for section in (q_section(run), audit_section(run)) for part in section.parts if isinstance(part, Figure)]
    assert len(figures) == 5 and all("Q-scores with σ 0.4 Å." in figure.caption for figure in figures)


def test_many_copies_are_left_to_the_table(tmp_path):
    folder = write_full_run(tmp_path)
    numbers = ("gmmQReference", "gmmQScore", "gmmQChange", "gmmDensityReference", "gmmDensity")
    write_table(
        folder / "audit.star",
        {
            "gmmMap": np.repeat("changed", 260),
            "gmmChain": np.repeat("A", 260),
            "gmmResidueName": np.repeat("HOH", 260),
            "gmmResidueNumber": np.arange(260),
            "gmmClass": np.repeat("water", 260),
            "gmmStatus": np.repeat("lost", 260),
            **{label: np.linspace(0, 1, 260) for label in numbers},
        },
    )
    html = html_of(audit_section(read_run(str(folder))))
    assert html.count("A/HOH") == 200 and "60 more rows are in audit.star." in html


def test_model_without_copies_and_runs_without_scores(tmp_path):
    folder = write_full_run(tmp_path)
    write_table(folder / "audit.star", {"gmmMap": np.array([], str)})
    assert "no ligands, ions" in html_of(audit_section(read_run(str(folder))))
    for name in ("audit.star", "qscore.star"):
        (folder / name).unlink()
    run = read_run(str(folder))
    assert audit_section(run) is None and q_section(run) is None
