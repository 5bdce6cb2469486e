"""A map low-passed at every voxel to its local resolution."""

from gmmrefine.figures.maps import write_comparison_figure
from gmmrefine.io.mrc import write_map
from gmmrefine.maps.local_filter import local_low_pass
from gmmrefine.pipelines.local_resolution import statistics


def filter_locally(volume, resolution, run):
    """Filter a map and write it beside the unmodified one.

    Parameters
    ----------
    volume : Volume
    resolution : (Z, Y, X) float
        Å; 0 where none is known.
    run : Run

    Returns
    -------
    dict
        Results for run.json.
    """
    with run.progress.step("filter"):
        filtered = local_low_pass(volume.data, resolution, volume.voxel_size)
    write_beside(volume, filtered, "filtered", run)
    return statistics(resolution[resolution > 0], len(resolution), volume.voxel_size)


def write_beside(volume, modified, name, run):
    """Write a modified map (Z, Y, X), the Volume it was made from, and a figure with slices of both."""
    write_map(run.path("unmodified.mrc"), volume.data, volume.voxel_size, volume.origin)
    write_map(run.path(f"{name}.mrc"), modified, volume.voxel_size, volume.origin)
    write_comparison_figure(run.path("figures", "slices.png"), {"unmodified": volume.data, name: modified}, volume.voxel_size)
