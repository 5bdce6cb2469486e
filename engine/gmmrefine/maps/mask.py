"""Soft masks made from maps."""

from typing import Iterable

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from gmmrefine.errors import InputError
from gmmrefine.geometry.symmetry import ASYMMETRIC
from gmmrefine.maps.filter import low_pass

_FINEST_VOLUME = 10.0  # Å; coarser maps swell the molecule, finer ones let noise in
_SAME_REGION = 0.5  # of its voxels that a unit turned onto another one shares with it


def molecule_threshold(volume: np.ndarray) -> float:
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
            "are not blank."
        )
    counts, edges = np.histogram(volume[sphere], bins=512)
    middle = 0.5 * (edges[1:] + edges[:-1])
    below, above = np.cumsum(counts), counts[::-1].cumsum()[::-1]
    sum_below, sum_above = np.cumsum(counts * middle), (counts * middle)[::-1].cumsum()[::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below[:-1] * above[1:] * (sum_below[:-1] / below[:-1] - sum_above[1:] / above[1:]) ** 2
    return float(edges[1 + np.nanargmax(between)])


def largest_region(binary: np.ndarray, operators: np.ndarray = ASYMMETRIC) -> np.ndarray:
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
            "Check the contrast (--invert-contrast) or give a mask (--mask)."
        )
    largest = 1 + np.argmax(np.bincount(labels.ravel())[1:])
    voxels = np.argwhere(labels == largest)
    middle = len(binary) // 2
    chosen = {int(largest)}
    for operator in operators:
        turned = np.rint((voxels - middle) @ operator[::-1, ::-1].T).astype(int) + middle
        turned = turned[np.all((turned >= 0) & (turned < len(binary)), axis=1)]
        hits = np.bincount(labels[tuple(turned.T)], minlength=2)
        if hits[1:].max() > _SAME_REGION * len(voxels):
            chosen.add(1 + int(np.argmax(hits[1:])))
    return np.isin(labels, sorted(chosen))


def soft_mask(
    volume: np.ndarray, pixel_size: float, resolution: float = 15.0, edge: float = 6.0, operators: np.ndarray = ASYMMETRIC
) -> np.ndarray:
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
    return _soft_edge(ndimage.distance_transform_edt(~core) - 0.25 * resolution / pixel_size, edge)


def widened(mask: np.ndarray, pixels: float, edge: float = 6.0) -> np.ndarray:
    """A mask (Z, Y, X) that reaches so many px farther than another one does, with a cosine edge of its own beyond.

    Parameters
    ----------
    mask : (Z, Y, X) float
        0 to 1.
    pixels : float
        px
    edge : float
        Width of the cosine edge in px.
    """
    return _soft_edge(ndimage.distance_transform_edt(mask < 0.5) - pixels, edge)


def molecular_volume(volume: np.ndarray, mask: np.ndarray, pixel_size: float) -> float:
    """How much of a map is molecule, in Å³: what is dense inside a mask, without the mask's rim.

    A fifth more than the volume of a protein's atoms; the rim makes a soft mask three times as large.

    Parameters
    ----------
    volume, mask : (Z, Y, X) float
        Molecule bright; the mask 0 to 1.
    pixel_size : float
        Å/px.
    """
    smooth = low_pass(volume, len(volume) * pixel_size / _FINEST_VOLUME)
    return float(np.sum((smooth > molecule_threshold(smooth)) & (mask > 0.5)) * pixel_size**3)


def enclosing_diameter(mask: np.ndarray, pixel_size: float) -> float:
    """Diameter in Å of the sphere about the box centre that holds a mask (Z, Y, X) down to half its height.

    Parameters
    ----------
    mask : (Z, Y, X) float
        0 to 1.
    pixel_size : float
        Å/px.
    """
    apart = np.argwhere(mask > 0.5) - len(mask) // 2
    return 2 * pixel_size * float(np.sqrt((apart**2).sum(axis=1).max(initial=0)))


def spherical_mask(center: Iterable[float], radius: float, box_size: int, pixel_size: float, edge: float = 5.0) -> np.ndarray:
    """A soft sphere.

    Parameters
    ----------
    center : (3,) float
        x, y, z in Å from the box centre.
    radius : float
        Å, up to which the mask is 1.
    box_size : int
        px
    pixel_size : float
        Å/px.
    edge : float
        Width of the cosine edge in px, outside the radius.

    Returns
    -------
    (Z, Y, X) float32
    """
    axis = (np.arange(box_size) - box_size // 2) * pixel_size
    x, y, z = (axis - value for value in center)
    distance = np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2)
    return _soft_edge((distance - radius) / pixel_size, edge)


def mask_around(points: ArrayLike, reach: float, box_size: int, pixel_size: float, edge: float = 5.0) -> np.ndarray:
    """A soft mask around points, e.g. the atoms of a domain.

    Parameters
    ----------
    points : (A, 3) float
        x, y, z in Å from the box centre; those outside the box are left out.
    reach : float
        Å around each point where the mask is 1.
    box_size : int
        px
    pixel_size : float
        Å/px.
    edge : float
        Width of the cosine edge in px.

    Returns
    -------
    (Z, Y, X) float32
        0 everywhere when no point lies in the box.
    """
    voxels = np.rint(np.asarray(points)[:, ::-1] / pixel_size).astype(int) + box_size // 2
    voxels = voxels[np.all((voxels >= 0) & (voxels < box_size), axis=1)]
    empty = np.ones((box_size,) * 3, bool)
    if len(voxels) == 0:
        return np.zeros(empty.shape, np.float32)
    empty[tuple(voxels.T)] = False
    return _soft_edge(ndimage.distance_transform_edt(empty) - reach / pixel_size, edge)


def _soft_edge(distance: np.ndarray, edge: float) -> np.ndarray:
    """1 where a distance (Z, Y, X) in px is below 0, 0 beyond ``edge``, a cosine between."""
    ramp = np.clip(distance / max(edge, 1e-6), 0, 1)
    return (0.5 + 0.5 * np.cos(np.pi * ramp)).astype(np.float32)
