"""New figures and their files, drawn without a screen."""

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, List, Tuple, Type

from gmmrefine.io.atomic import atomic_path
from gmmrefine.regular_file import FilePath

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure(size: Tuple[float, float]) -> Tuple["Figure", "Axes"]:
    """A figure of a size in inches, and its axes."""
    figure, [[axes]] = new_panels(size, 1, 1)
    return figure, axes


def new_panels(size: Tuple[float, float], rows: int, columns: int) -> Tuple["Figure", List[List["Axes"]]]:
    """A figure of a size in inches, and the axes of its panels: a list of rows."""
    figure = _shown_by_notebooks()(figsize=size, dpi=150, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False).tolist()


@lru_cache(maxsize=None)
def _shown_by_notebooks() -> Type["Figure"]:
    """Figures that a notebook shows below a cell, whether pyplot is loaded there or not."""
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        def _repr_png_(self) -> bytes:
            picture = BytesIO()
            self.savefig(picture, format="png", dpi=100)
            return picture.getvalue()

    return NotebookFigure


def save_figure(figure: "Figure", path: FilePath) -> None:
    """Write a figure as PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
