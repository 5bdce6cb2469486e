"""The report of a run that a command has made, without a browser: which figures it has, and that none is empty."""

import shutil

import numpy as np
from small_run import gmmrefine

from gmmrefine.report.folder import read_run
from gmmrefine.report.page import Figure
from gmmrefine.report.sections import SECTIONS


def reported(folder, place):
    """Report on a copy in ``place`` of a run's folder.

    Returns
    -------
    dict of str to list of str
        Titles of the figures by section.
    """
    copy = shutil.copytree(folder, place / "reported")
    outcome = gmmrefine("report", copy)
    assert outcome.code == 0 and outcome.err == "", outcome.err
    run = read_run(str(copy))
    sections = [section for section in (make(run) for make in SECTIONS) if section]
    figures = {section.title: [part for part in section.parts if isinstance(part, Figure)] for section in sections}
    html = (copy / "report.html").read_text(encoding="utf-8")
    assert html.count("plotly-graph-div") == sum(map(len, figures.values()))
    for figure in (figure for some in figures.values() for figure in some):
        assert any(_is_drawn(trace) for trace in figure.plot.data), figure.title
        assert all(_is_drawn(trace) for trace in figure.plot.data if trace.type == "heatmap"), figure.title
    return {title: [figure.title for figure in some] for title, some in figures.items() if some}


def _is_drawn(trace):
    """Whether a trace holds numbers to draw, in each of its directions that has any."""
    values = [np.asarray(trace[name]) for name in ("x", "y", "z", "median") if name in trace and trace[name] is not None]
    numbers = [each for each in values if each.dtype.kind in "fiu"]
    return bool(numbers) and all(np.isfinite(each).any() for each in numbers)
