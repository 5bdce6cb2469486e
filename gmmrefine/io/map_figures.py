"""Figures of maps: slices through them, values drawn over them."""
import numpy as np

from gmmrefine.io.figures import new_figure, save_figure

_PLANES = ("yz", "xz", "xy")  # horizontal and vertical axis


def write_overlay_figure(path, title, volume, values, voxel_size, unit):
    """Central slices of a map in grey with values in colour over them, and the values' distribution.

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
    figure, axes = new_figure((13, 3.6), 4)
    for name, plane, grey, color in zip(_PLANES, axes, _central_slices(volume), _central_slices(values)):
        extent = (0, grey.shape[1] * voxel_size, 0, grey.shape[0] * voxel_size)
        plane.imshow(grey, cmap="Greys", origin="lower", extent=extent)
        drawn = plane.imshow(
            np.ma.masked_equal(color, 0), cmap="turbo", vmin=low, vmax=high, alpha=0.75, origin="lower", extent=extent)
        plane.set(xlabel=f"{name[0]} (Å)", ylabel=f"{name[1]} (Å)")
    figure.colorbar(drawn, ax=axes[:3], label=unit, fraction=0.02)
    axes[3].hist(np.clip(shown, low, high), bins=60, color="C0")
    axes[3].set(xlabel=unit, ylabel="voxels")
    figure.suptitle(title, fontsize=10)
    save_figure(figure, path)


def _central_slices(volume):
    """The planes through the middle voxel that ``_PLANES`` names, rows vertical."""
    z, y, x = (size // 2 for size in volume.shape)
    return volume[:, :, x], volume[:, y], volume[z]
