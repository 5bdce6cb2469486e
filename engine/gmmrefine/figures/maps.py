"""Figures of maps: slices through them, values drawn over them."""

from typing import Mapping, Optional, Tuple

import numpy as np

from gmmrefine.figures.figure import new_figure, new_panels, save_figure
from gmmrefine.figures.slices import PLANES, central_voxel, middle_of_known, slices_through
from gmmrefine.regular_file import FilePath

_COARSEST = 20.0  # Å in a Guinier plot; the steep start beyond, of the molecule's outline, would flatten the rest


def write_overlay_figure(
    path: FilePath, title: str, volume: np.ndarray, values: np.ndarray, voxel_size: float, *, unit: str
) -> None:
    """A map in grey with values in colour over them, in slices through the middle of these, and the values' distribution.

    Parameters
    ----------
    path : str or Path
        PNG.
    title : str
    volume : (Z, Y, X) float
        Map units.
    values : (Z, Y, X) float
        Not drawn where 0.
    voxel_size : float
        Å.
    unit : str
        Of the values, with their name.
    """
    shown = values[values != 0]
    low, high = np.percentile(shown, (1, 99))
    figure, [axes] = new_panels((13, 3.6), 1, 4)
    place = middle_of_known(values)
    for name, plane, grey, color in zip(PLANES, axes, slices_through(volume, place), slices_through(values, place)):
        extent = (0, grey.shape[1] * voxel_size, 0, grey.shape[0] * voxel_size)
        plane.imshow(grey, cmap="Greys", origin="lower", extent=extent)
        drawn = plane.imshow(
            np.ma.masked_equal(color, 0), cmap="RdYlBu_r", vmin=low, vmax=high, alpha=0.75, origin="lower", extent=extent
        )
        plane.set(xlabel=f"{name[0]} (Å)", ylabel=f"{name[1]} (Å)")
    figure.colorbar(drawn, ax=axes[:3], label=unit, fraction=0.02)
    axes[3].hist(np.clip(shown, low, high), bins=60, color="C0")
    axes[3].set(xlabel=unit, ylabel="voxels")
    figure.suptitle(title, fontsize=10)
    save_figure(figure, path)


def write_comparison_figure(path: FilePath, volumes: Mapping[str, np.ndarray], voxel_size: float) -> None:
    """Central slices of maps, one row each, every map in greys of its own.

    Parameters
    ----------
    path : str or Path
        PNG.
    volumes : dict of str to (Z, Y, X) float
        By title.
    voxel_size : float
        Å.
    """
    figure, axes = new_panels((3 * 3.4, 3.2 * len(volumes)), len(volumes), 3)
    for row, (title, volume) in zip(axes, volumes.items()):
        low, high = np.percentile(volume, (0.5, 99.9))
        for name, plane, slice_ in zip(PLANES, row, slices_through(volume, central_voxel(volume))):
            extent = (0, slice_.shape[1] * voxel_size, 0, slice_.shape[0] * voxel_size)
            plane.imshow(slice_, cmap="Greys", vmin=low, vmax=high, origin="lower", extent=extent)
            plane.set(xlabel=f"{name[0]} (Å)", ylabel=f"{name[1]} (Å)")
        row[1].set_title(title, fontsize=10)
    save_figure(figure, path)


def write_guinier_figure(
    path: FilePath,
    title: str,
    frequency: np.ndarray,
    curves: Mapping[str, np.ndarray],
    fit: Optional[Tuple[np.ndarray, np.ndarray]] = None,
) -> None:
    """Amplitudes against squared frequency, with the line fitted to them and the range of the fit.

    Parameters
    ----------
    path : str or Path
        PNG.
    title : str
    frequency : (S,) float
        1/Å.
    curves : dict of str to (S,) float
        Amplitudes in map units by name; those of 0, and those coarser than 20 Å and the fit, are not drawn.
    fit : pair of (M,) int and (S,) float, optional
        Shells of the fit, and amplitudes on the line.
    """
    figure, axes = new_figure((7, 4.5))
    coarsest = 1 / _COARSEST if fit is None else min(1 / _COARSEST, frequency[fit[0][0]])
    drawn = frequency >= coarsest
    for name, values in curves.items():
        axes.plot(frequency[drawn] ** 2, np.log(np.where(values > 0, values, np.nan))[drawn], label=name)
    if fit is not None:
        shells, line = fit
        ends = frequency[[shells[0], shells[-1]]]
        axes.axvspan(*ends**2, color="0.88", label=f"range of the fit, {1 / ends[0]:.1f} to {1 / ends[1]:.1f} Å")
        axes.plot(frequency[shells] ** 2, np.log(line[shells]), "k--", label="fit")
    ticks = [value for value in (20, 10, 6, 5, 4, 3.5, 3, 2.5, 2, 1.5, 1) if 1 / value < frequency[-1]]
    axes.set_xticks([1 / value**2 for value in ticks], [f"{value:g}" for value in ticks])
    axes.set(title=title, xlabel="resolution (Å), linear in 1/Å²", ylabel="ln amplitude")
    axes.legend(facecolor="white", framealpha=1, fontsize=8)
    save_figure(figure, path)


def write_error_model_figure(
    path: FilePath, frequency: np.ndarray, powers: Mapping[str, np.ndarray], gains: Mapping[str, np.ndarray]
) -> None:
    """Power of signal and noise, and what maps were multiplied by, against frequency.

    Parameters
    ----------
    path : str or Path
        PNG.
    frequency : (S,) float
        1/Å.
    powers : dict of str to (S,) float
        Map units squared, by name; those of 0 are not drawn.
    gains : dict of str to (S,) float
        0 to 1, by name.
    """
    figure, [[upper], [lower]] = new_panels((7, 6), 2, 1)
    for name, values in powers.items():
        upper.plot(frequency, np.where(values > 0, values, np.nan), marker=".", label=name)
    upper.set(yscale="log", ylabel="power in a band (map units²)")
    for name, values in gains.items():
        lower.plot(frequency, values, marker=".", label=name)
    lower.set(xlabel="spatial frequency (1/Å)", ylabel="mean gain", ylim=(0, 1.05))
    for axes in (upper, lower):
        axes.legend(fontsize=8)
    save_figure(figure, path)
