# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Scripts for ChimeraX."""

import os

import numpy as np
from matplotlib.colors import to_hex

MAP_LEVEL = 4  # standard deviations above the mean
TRANSPARENCY = 60  # per cent


def patchesOverMap(scriptName, mapFile, maskFiles, colours):
    """Write a script that opens a map and, transparent and in colours, the masks of its patches.

    Parameters
    ----------
    scriptName, mapFile : str
    maskFiles : list of str
    colours : list of matplotlib colour
        One per mask.

    Returns
    -------
    str
        The script.
    """
    lines = [*_openMap(mapFile), "color #1 lightgray"]
    for model, (mask, colour) in enumerate(zip(maskFiles, colours), 2):
        lines += [
            f'open "{os.path.abspath(mask)}"',
            f"volume #{model} style surface level 0.5 color {to_hex(colour)} step 1",
            f"transparency #{model} {TRANSPARENCY}",
        ]
    return _write(scriptName, lines)


def colouredByMap(scriptName, mapFile, resolutionFile, resolution):
    """Write a script that colours the surface of a map by the local resolution, fine blue and coarse red.

    Parameters
    ----------
    scriptName, mapFile, resolutionFile : str
    resolution : (Z, Y, X) float
        Å, 0 where it was not measured.

    Returns
    -------
    str
        The script.
    """
    fine, coarse = np.percentile(resolution[resolution > 0], (2, 98))
    colours = {
        f"{value:.2f}": colour
        for value, colour in zip(np.linspace(fine, coarse, 5), ("blue", "cyan", "green", "yellow", "red"))
    }
    palette = ":".join(f"{value},{colour}" for value, colour in colours.items())
    labels = " ".join(f"{colour}:{value}" for value, colour in colours.items())
    return _write(
        scriptName,
        [
            *_openMap(mapFile),
            f'open "{os.path.abspath(resolutionFile)}"',
            "hide #2 models",
            f"color sample #1 map #2 palette {palette}",
            f"key {labels}",
        ],
    )


def _openMap(mapFile):
    return [f'open "{os.path.abspath(mapFile)}"', f"volume #1 style surface step 1 sdLevel {MAP_LEVEL}"]


def _write(scriptName, lines):
    os.makedirs(os.path.dirname(scriptName), exist_ok=True)
    with open(scriptName, "w") as handle:
        handle.write("\n".join([*lines, "view"]) + "\n")
    return scriptName
