"""Soft masks made from maps."""
import numpy as np
from scipy import ndimage

from gmmrefine.errors import InputError
from gmmrefine.maps.filter import low_pass

_ASYMMETRIC = np.eye(3)[None]
_SAME_REGION = 0.5  # of its voxels that a unit turned onto another one shares with it


def molecule_threshold(volume):
    """Density that separates molecule from solvent: Otsu's (1979) split of the voxels within the inscribed sphere.

    Parameters
    ----------
    volume : (Z, Y, X) float
    """
    n = len(volume)
    axis = np.arange(n) - n // 2
    sphere = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2 < (n / 2) ** 2
    if np.ptp(volume[sphere]) == 0:
        raise InputError(
            f"the map is constant ({volume[sphere][0]:g} everywhere); expected a molecule in solvent. Check that the images "
            "are not blank.")
    counts, edges = np.histogram(volume[sphere], bins=512)
    middle = 0.5 * (edges[1:] + edges[:-1])
    below, above = np.cumsum(counts), counts[::-1].cumsum()[::-1]
    sum_below, sum_above = np.cumsum(counts * middle), (counts * middle)[::-1].cumsum()[::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below[:-1] * above[1:] * (sum_below[:-1] / below[:-1] - sum_above[1:] / above[1:]) ** 2
    return float(edges[1 + np.nanargmax(between)])


def largest_region(binary, operators=_ASYMMETRIC):
    """The largest connected region of a binary map, with the regions that it is turned onto.

    Parameters
    ----------
    binary : (Z, Y, X) bool
    operators : (n, 3, 3) float
        Point group of the map: units that do not touch all count.

    Returns
    -------
    (Z, Y, X) bool
    """
    labels, count = ndimage.label(binary, ndimage.generate_binary_structure(3, 3))
    if count == 0:
        raise InputError(
            "no voxel lies above the density threshold, so no mask can be made: found an empty map, expected a molecule. "
            "Check the contrast (--invert-contrast) or give a mask (--mask).")
    largest = 1 + np.argmax(np.bincount(labels.ravel())[1:])
    voxels = np.argwhere(labels == largest)
    middle = len(binary) // 2
    chosen = {largest}
    for operator in operators:
        turned = np.rint((voxels - middle) @ operator[::-1, ::-1].T).astype(int) + middle
        turned = turned[np.all((turned >= 0) & (turned < len(binary)), axis=1)]
        hits = np.bincount(labels[tuple(turned.T)], minlength=2)
        if hits[1:].max() > _SAME_REGION * len(voxels):
            chosen.add(1 + int(np.argmax(hits[1:])))
    return np.isin(labels, sorted(chosen))


def soft_mask(volume, pixel_size, resolution=15.0, edge=6.0, operators=_ASYMMETRIC):
    """A soft mask around the molecule in a map.

    Parameters
    ----------
    volume : (Z, Y, X) float
        Molecule bright.
    pixel_size : float
        Å/px.
    resolution : float
        Low-pass before thresholding, Å.
    edge : float
        Width of the cosine edge in px.
    operators : (n, 3, 3) float
        Point group of the map.

    Returns
    -------
    (Z, Y, X) float32
        1 over the molecule and a quarter of ``resolution`` around it, 0 outside.
    """
    n = len(volume)
    smooth = low_pass(volume, n * pixel_size / resolution)
    core = largest_region(smooth > molecule_threshold(smooth), operators)
    distance = ndimage.distance_transform_edt(~core) - 0.25 * resolution / pixel_size
    ramp = np.clip(distance / max(edge, 1e-6), 0, 1)
    return (0.5 + 0.5 * np.cos(np.pi * ramp)).astype(np.float32)
