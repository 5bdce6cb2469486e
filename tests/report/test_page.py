"""The page itself: what comes from files is text, nothing comes from a network, the same content gives the same bytes."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from gmmrefine.report.page import Figure, Section, folded, heading, link, rounded, shown, table, text, write_page
from gmmrefine.report.plots import fsc_plot

CURVE = {"half maps": (np.array([0, 0.1, 0.2]), np.array([1, 0.5, 0]))}
EVIL = "<script>alert(1)</script>\"'&"


class Elements(HTMLParser):
    """Every tag with its attributes, and the text outside scripts and styles."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self._inside = [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag):
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data):
        if not {"script", "style"} & set(self._inside):
            self.text += data


def page(tmp_path, parts, sections):
    path = tmp_path / "page.html"
    write_page(path, "a <title>", parts, sections)
    return path.read_text(encoding="utf-8")


def test_whatever_a_file_says_is_text(tmp_path):
    parts = [
        text(EVIL),
        text(EVIL, "note"),
        heading(EVIL),
        folded(EVIL, text("inside")),
        table([EVIL], [[EVIL]], [EVIL]),
        table(["a"], [[link(EVIL, EVIL)]]),
    ]
    elements = Elements(page(tmp_path, parts, [Section(EVIL, (text("x"),))]))
    assert "script" not in [tag for tag, _ in elements.tags]
    assert elements.text.count(EVIL) == 9  # the menu names the section too
    assert "a <title>" in elements.text


def test_library_stands_once_and_only_where_there_are_figures(tmp_path):
    figures = tuple(Figure(f"figure {number}", fsc_plot(CURVE)) for number in range(3))
    html = page(tmp_path, [], [Section("one", figures[:2]), Section("two", figures[2:])])
    assert html.count("plotly.js v") == 1 and len(re.findall(r'class="plotly-graph-div"', html)) == 3
    assert [f'id="figure-{number}"' in html for number in (1, 2, 3, 4)] == [True, True, True, False]
    assert html == page(tmp_path, [], [Section("one", figures[:2]), Section("two", figures[2:])])
    assert len(page(tmp_path, [text("none")], [])) < 5000


def test_nothing_is_fetched_and_nothing_can_be_uploaded(tmp_path):
    html = page(tmp_path, [], [Section("one", (Figure("f", fsc_plot(CURVE)),))])
    elements = Elements(html)
    addresses = [value for _, attributes in elements.tags for name, value in attributes.items() if name in ("src", "href")]
    assert addresses == ["#section-1"]
    policy = next(attributes["content"] for tag, attributes in elements.tags if attributes.get("http-equiv"))
    assert policy.startswith("default-src 'none';") and "http" not in policy and "form-action 'none'" in policy
    assert '"showSendToCloud": false' in html
    assert "plotlyServerURL" not in html[html.index("<body>") :]


def test_table_marks_the_last_cell(tmp_path):
    html = page(tmp_path, [table(["map", "status"], [["one", "lost"], ["two", "kept"]], ["lost", "kept"])], [])
    assert '<td>one</td><td class="lost">lost</td>' in html and '<td class="kept">kept</td>' in html


@pytest.mark.parametrize(
    "value, expected",
    (
        (None, "–"),
        (float("nan"), "–"),
        (True, "yes"),
        (0.123456, "0.1235"),
        (222376.4, "222376"),
        ([1, 2.5], "1, 2.5"),
        ([], "–"),
        ({"a": 1.0, "b": None}, "a: 1; b: –"),
        ("", ""),
        (3, "3"),
    ),
)
def test_values_as_people_write_them(value, expected):
    assert shown(value) == expected


def test_rounded_numbers():
    assert [rounded(value, 2) for value in (7.199, None, float("nan"), 3)] == ["7.20", "–", "–", "3.00"]
