"""New figures and their files, drawn without a screen."""
from typing import TYPE_CHECKING, List, Tuple

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
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=150, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False).tolist()


def save_figure(figure: "Figure", path: FilePath) -> None:
    """Write a figure as PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
