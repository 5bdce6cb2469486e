"""Reports of real runs, opened in a browser: every figure drawn, a silent console, no address asked for."""

import shutil
import subprocess
import sys

import pytest
from browser import find_browser, look_at
from report_runs import write_full_run
from small_run import assert_refused, gmmrefine

from gmmrefine.report.page import Figure, Section, write_page
from gmmrefine.report.plots import new_plot

FEWEST_PIXELS = 100
LARGEST_PAGE = 7 << 20  # bytes


@pytest.fixture(scope="module")
def run(refined, tmp_path_factory):
    """Folder of a refinement that a report may be added to."""
    return shutil.copytree(refined, tmp_path_factory.mktemp("reported") / "run")


def check_in_browser(page, count, folder):
    """The page shows so many figures, each with data in it, complains of nothing and asks for nothing but itself."""
    assert page.stat().st_size < LARGEST_PAGE
    seen = look_at(page, folder)
    assert seen.complaints == []
    assert seen.requests == [page.resolve().as_uri()]
    assert sorted(seen.drawn) == sorted(f"figure-{number}" for number in range(1, count + 1))
    assert min(seen.drawn.values()) > FEWEST_PIXELS, seen.drawn


def test_report_of_a_refinement(run, tmp_path):
    find_browser()
    record = (run / "run.json").read_bytes()
    outcome = gmmrefine("report", run)
    assert outcome.code == 0 and outcome.err == "" and outcome.out.splitlines()[-1] == str(run / "report.html")
    assert (run / "run.json").read_bytes() == record
    check_in_browser(run / "report.html", 9, tmp_path)


def test_every_kind_of_figure_is_drawn(tmp_path):
    find_browser()
    folder = write_full_run(tmp_path / "run")
    assert gmmrefine("report", folder).code == 0
    check_in_browser(folder / "report.html", 22, tmp_path)


def test_browser_notices_empty_figures_errors_and_requests(tmp_path):
    """The test above can fail."""
    find_browser()
    page = tmp_path / "page.html"
    empty = new_plot(300)
    empty.add_scatter(x=[1, 2], y=[float("nan")] * 2)
    write_page(page, "t", [], [Section("s", (Figure("empty", empty),))])
    html = page.read_text(encoding="utf-8")
    end = html.rindex("</body>")
    script = "<script>console.error('oh'); fetch('http://127.0.0.1:9/x').catch(() => 0); nothing()</script>"
    page.write_text(html[:end] + script + html[end:], encoding="utf-8")
    seen = look_at(page, tmp_path)
    assert seen.drawn == {"figure-1": 0}
    for words in ("oh", "nothing is not defined", "Content Security Policy"):
        assert any(words in complaint for complaint in seen.complaints), words


def test_report_needs_no_tensorflow(run):
    code = (
        "import sys\nfor name in ('tensorflow', 'keras'): sys.modules[name] = None\n"
        f"sys.argv[1:] = ['report', {str(run)!r}]\nimport runpy\nrunpy.run_module('gmmrefine', run_name='__main__')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr == "" and result.stdout.endswith("report.html\n")


@pytest.mark.parametrize("place, words", (("nothing", ("has no run.json", "-o")), ("missing", ("missing is not a folder",))))
def test_folder_without_a_run_is_refused(tmp_path, place, words):
    (tmp_path / "nothing").mkdir()
    assert_refused(gmmrefine("report", tmp_path / place), "report", *words)
    assert not list(tmp_path.rglob("report.html"))


def test_machine_and_device_are_recorded(run):
    gmmrefine("report", run)
    html = (run / "report.html").read_text(encoding="utf-8")
    assert "<td>processors</td>" in html and "<td>computed on</td><td>" in html
