"""One HTML page with tables and figures that needs nothing but a browser: no server, no network, no second file."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Optional, Sequence, Tuple, Union

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from gmmrefine.io.atomic import atomic_path
from gmmrefine.regular_file import FilePath

_CONFIG = {  # plotly.js would offer to upload a figure to its maker's server
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "sendChartToCloud"],
}


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
    return _parts().text(sentence, kind)


def heading(words: str) -> str:
    """A heading inside a section."""
    return _parts().heading(words)


def link(target: str, words: str) -> str:
    """A link to a file beside the page, for a table's cell."""
    return _parts().link(target, words)


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
    return _parts().table(headings, rows, kinds)


def folded(words: str, part: str) -> str:
    """Something a reader opens when it is wanted.

    Parameters
    ----------
    words : str
        What is shown until then.
    part : str
        HTML.
    """
    return Markup(_parts().folded(words, part))


def shown(value: Any) -> str:
    """A value as people write it; what is HTML already stays as it is."""
    if isinstance(value, Markup):
        return value
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
    parts : list of Markup
        Below the title.
    sections : list of Section
    """
    figures = [part for section in sections for part in section.parts if isinstance(part, Figure)]
    names = {id(figure): f"figure-{number}" for number, figure in enumerate(figures, 1)}
    drawn = [
        replace(
            section, parts=tuple(_drawn(part, names[id(part)]) if isinstance(part, Figure) else part for part in section.parts)
        )
        for section in sections
    ]
    html = (
        _environment()
        .get_template("page.html")
        .render(title=title, head=parts, sections=drawn, library=_library() if figures else "")
    )
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(html)


@lru_cache(maxsize=None)
def _environment() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(str(Path(__file__).parent / "templates"), encoding="utf-8"),
        autoescape=True,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["shown"] = shown
    return templates


@lru_cache(maxsize=None)
def _parts() -> Any:
    """The templates of what stands in a section, as functions."""
    return _environment().get_template("parts.html").module


def _drawn(figure: Figure, name: str) -> Markup:
    """HTML of a Figure."""
    from plotly.io import to_html

    plot = to_html(figure.plot, config=_CONFIG, include_plotlyjs=False, full_html=False, div_id=name, validate=False)
    return _parts().drawn(figure, Markup(plot))


def _library() -> Markup:
    """The code that draws figures, as a script."""
    from plotly.offline import get_plotlyjs

    return Markup(get_plotlyjs())
