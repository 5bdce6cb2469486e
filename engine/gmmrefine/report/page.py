"""One HTML page with tables and figures that needs nothing but a browser: no server, no network, no second file."""
from dataclasses import dataclass
from html import escape
from typing import Any, List, Optional, Sequence, Tuple, Union

from gmmrefine.io.atomic import atomic_path
from gmmrefine.regular_file import FilePath

# The browser itself refuses whatever this page might ask of a network.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; form-action 'none'; base-uri 'none'")
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2733; background: #fff; max-width: 64rem; margin: 0 auto;
  padding: 1rem; }
h1 { font-size: 1.6rem; margin: 0.5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; border-bottom: 1px solid #d5dbe1; margin: 2.2rem 0 0.8rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 0.2rem; }
nav { display: flex; flex-wrap: wrap; gap: 0 1rem; }
a { color: #1f5a96; }
table { border-collapse: collapse; margin: 0.6rem 0; font-size: 0.88rem; }
th, td { text-align: left; vertical-align: top; padding: 0.15rem 0.9rem 0.15rem 0; border-bottom: 1px solid #e6eaee;
  overflow-wrap: break-word; }
th { font-weight: 600; }
.wide { overflow-x: auto; }
.summary { font-size: 1.1rem; margin: 0.3rem 0; }
.note { border-left: 4px solid #d9822b; background: #fdf4ea; padding: 0.4rem 0.8rem; }
.caption { color: #55626f; font-size: 0.88rem; margin: 0 0 0.8rem; }
.kept { color: #2c6a3f; } .weakened { background: #ffe3a8; } .lost { background: #f3b6b0; } .unjudged { color: #77828d; }
summary { cursor: pointer; }
@media print { nav, .modebar { display: none; } details > * { display: block; } section { break-inside: avoid-page; } }
"""
_CONFIG = {  # plotly.js would offer to upload a figure to its maker's server
    "displaylogo": False, "responsive": True, "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "sendChartToCloud"]}


@dataclass(frozen=True)
class Figure:
    """A figure of a page.

    Parameters
    ----------
    title : str
    plot : plotly.graph_objects.Figure
    caption : str
        What is drawn, and what is left out.
    """

    title: str
    plot: Any
    caption: str = ""


Part = Union[str, Figure]  # of a page; strings are HTML, made by the functions of this file


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Parameters
    ----------
    title : str
    parts : tuple of Part
    """

    title: str
    parts: Tuple[Part, ...]


def text(sentence: str, kind: str = "") -> str:
    """A paragraph; ``kind`` is a class of the page's style, e.g. ``note``."""
    return f'<p class="{kind}">{escape(sentence)}</p>' if kind else f"<p>{escape(sentence)}</p>"


def heading(words: str) -> str:
    """A heading inside a section."""
    return f"<h3>{escape(words)}</h3>"


def link(target: str, words: str) -> str:
    """A link to a file beside the page, for a table's cell."""
    return _Markup(f'<a href="{escape(target)}">{escape(words)}</a>')


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]], kinds: Optional[Sequence[str]] = None) -> str:
    """A table.

    Parameters
    ----------
    headings : list of str
    rows : list of list
        One value per heading; numbers, lists and None are written as people write them.
    kinds : list of str, optional
        A class of the page's style for the last cell of every row.
    """
    head = "".join(f"<th>{escape(words)}</th>" for words in headings)
    lines = []
    for number, row in enumerate(rows):
        cells = [f"<td>{_cell(value)}</td>" for value in row]
        if kinds:
            cells[-1] = cells[-1].replace("<td>", f'<td class="{escape(kinds[number])}">', 1)
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def folded(words: str, part: str) -> str:
    """Something a reader opens when it is wanted.

    Parameters
    ----------
    words : str
        What is shown until then.
    part : str
        HTML.
    """
    return f"<details><summary>{escape(words)}</summary>{part}</details>"


def shown(value: Any) -> str:
    """A value as people write it."""
    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(item) for item in value) or "–"
    if isinstance(value, dict):
        return "; ".join(f"{key}: {shown(item)}" for key, item in value.items()) or "–"
    return str(value)


def rounded(value: Optional[float], digits: int) -> str:
    """A number with so many digits after the point, or a dash for none."""
    return shown(value) if value is None or value != value else f"{value:.{digits}f}"


def write_page(path: FilePath, title: str, parts: Sequence[str], sections: Sequence[Section]) -> None:
    """Write a page, whole or not at all; the same content gives the same bytes.

    Parameters
    ----------
    path : str or Path
    title : str
    parts : list of str
        HTML below the title.
    sections : list of Section
    """
    figures: List[Figure] = []
    body = "\n".join(_section(section, number, figures) for number, section in enumerate(sections, 1))
    menu = "".join(f'<a href="#section-{number}">{escape(section.title)}</a>' for number, section in enumerate(sections, 1))
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write(
            f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n{_library() if figures else ''}</head>\n<body>\n"
            f"<h1>{escape(title)}</h1>\n{''.join(parts)}\n<nav>{menu}</nav>\n"
            f"<noscript>{text('The figures need JavaScript, which is switched off here.', 'note')}</noscript>\n"
            f"{body}\n</body>\n</html>\n")


class _Markup(str):
    """HTML that is written as it is."""


def _cell(value: Any) -> str:
    return value if isinstance(value, _Markup) else escape(shown(value))


def _section(section: Section, number: int, figures: List[Figure]) -> str:
    """A section as HTML; its figures are added to those of the page, which number them."""
    html = []
    for part in section.parts:
        if isinstance(part, Figure):
            figures.append(part)
            html.append(_drawn(part, f"figure-{len(figures)}"))
        else:
            html.append(part)
    return f'<section id="section-{number}">\n<h2>{escape(section.title)}</h2>\n' + "\n".join(html) + "\n</section>"


def _drawn(figure: Figure, name: str) -> str:
    from plotly.io import to_html

    plot = to_html(figure.plot, config=_CONFIG, include_plotlyjs=False, full_html=False, div_id=name, validate=False)
    caption = text(figure.caption, "caption") if figure.caption else ""
    return f"{heading(figure.title)}\n{plot}\n{caption}"


def _library() -> str:
    from plotly.offline import get_plotlyjs

    return f"<script>{get_plotlyjs()}</script>\n"
