"""One iteration of a refinement, drawn with its two half sets."""

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

BLUE, ORANGE, GREY = "#cfe3f5", "#fbe0c4", "#e8e8e8"
STEPS = (
    "particles of half {n}\nwith poses and CTF",
    "half map {n}\nreconstruct",
    "GMM {n}\nGaussians fitted to half map {n}",
    "poses {n}\nimages aligned to GMM {n} only",
)
TOPS = (5.6, 4.2, 2.8, 1.4)


def draw_iteration(path):
    """Draw it as SVG; the same bytes each time."""
    figure = Figure(figsize=(9.6, 5.8))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1.2, 11.2), ylim=(0.1, 6.9))
    axes.axis("off")
    for number, (middle, colour, outer) in enumerate(((1.9, BLUE, -0.85), (8.1, ORANGE, 10.85)), 1):
        for top, text in zip(TOPS, STEPS):
            _box(axes, middle, top, 2.7, text.format(n=number), colour)
        for above, below in zip(TOPS, TOPS[1:]):
            _arrow(axes, (middle, above - 0.42), (middle, below + 0.42))
        side = -1.35 if number == 1 else 1.35
        _arrow(axes, (middle + side, TOPS[3]), (middle + side, TOPS[1]), curve=-0.55 if number == 1 else 0.55)
        axes.text(outer, TOPS[2], "next iteration", fontsize=9, ha="center", va="center", color="0.3", rotation=90)
    _box(axes, 5.0, TOPS[1], 2.3, "FSC of the half maps\nshape of the mask", GREY)
    _arrow(axes, (3.27, TOPS[1]), (3.83, TOPS[1]), both=True)
    _arrow(axes, (6.73, TOPS[1]), (6.17, TOPS[1]), both=True)
    axes.text(5.0, 3.3, "all that the halves tell each other\n(stands in run.json)", ha="center", fontsize=9, color="0.3")
    axes.plot([5.0, 5.0], [0.7, 3.0], color="0.6", linestyle="--", linewidth=1)
    axes.plot([5.0, 5.0], [4.75, 6.0], color="0.6", linestyle="--", linewidth=1)
    for middle, number, colour in ((1.9, 1, "#1f5f99"), (8.1, 2, "#b35c00")):
        axes.text(middle, 6.45, f"half set {number}", ha="center", fontsize=13, weight="bold", color=colour)
    settings = {"svg.fonttype": "none", "svg.hashsalt": "gmmrefine", "font.family": "sans-serif"}
    with matplotlib.rc_context(settings):
        figure.savefig(path, format="svg", metadata={"Date": None}, facecolor="white")


def _box(axes, middle, height, width, text, colour):
    axes.add_patch(
        FancyBboxPatch(
            (middle - width / 2, height - 0.36),
            width,
            0.72,
            boxstyle="round,pad=0.03,rounding_size=0.12",
            facecolor=colour,
            edgecolor="0.35",
        )
    )
    axes.text(middle, height, text, ha="center", va="center", fontsize=9.5)


def _arrow(axes, start, end, both=False, curve=0.0):
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="<|-|>" if both else "-|>",
            mutation_scale=13,
            color="0.35",
            connectionstyle=f"arc3,rad={curve}",
        )
    )
