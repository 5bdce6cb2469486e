"""New figures and their files, drawn without a screen."""
from gmmrefine.io.atomic import atomic_path


def new_figure(size, columns=1, rows=1):
    """A figure of a size in inches, and its axes: one, a list side by side, or a list of such rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=150, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).tolist()
    if rows > 1:
        return figure, axes
    return figure, axes[0] if columns > 1 else axes[0][0]


def save_figure(figure, path):
    """Write a figure as PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
