"""New figures and their files, drawn without a screen."""
from gmmrefine.io.atomic import atomic_path


def new_figure(size):
    """A figure of a size in inches, and its axes."""
    figure, [[axes]] = new_panels(size, 1, 1)
    return figure, axes


def new_panels(size, rows, columns):
    """A figure of a size in inches, and the axes of its panels: a list of rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=150, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False).tolist()


def save_figure(figure, path):
    """Write a figure as PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
