"""New figures and their files, drawn without a screen."""
from gmmrefine.io.atomic import atomic_path


def new_figure(size, panels=1):
    """A figure and its axes, or the list of its axes side by side; ``size`` in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=150, layout="constrained")
    return figure, figure.add_subplot() if panels == 1 else list(figure.subplots(1, panels))


def save_figure(figure, path):
    """Write a figure as PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
