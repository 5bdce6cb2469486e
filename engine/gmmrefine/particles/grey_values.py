"""Grey values of particle images: measured where there is no particle, and brought to one scale.

A constant, a linear ramp and a factor say nothing about a molecule. They are measured in the pixels outside the particle: the
mean is taken off, so is a ramp where there is one, and the standard deviation of the noise there is the unit in which all
images are read. The halo of a molecule reaches the surroundings too, and its slope tells how the molecule lies: it counts as a
ramp only when it is far steeper than other slow changes there.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Tuple, Union

import numpy as np

from gmmrefine.fourier.half_disc import HalfDisc, half_disc
from gmmrefine.particles.ctf import ctf_on_disc
from gmmrefine.particles.particle_set import CTF_PREMULTIPLIED, CtfParameters

OUTSIDE, OUTER_RINGS, WHOLE_IMAGE, BLANK = range(4)  # where the noise of an image was measured
_USUAL_RADIUS = 0.375  # of the box, where the particle's size is not known: RELION's 75 % of the box as diameter
_OUTER_RINGS = 0.8  # of the last ring, from where on noise outweighs any signal
_MASKED, _UNFILLED = 1e-3, 0.1  # of the image's deviation: surroundings and outer rings with less were emptied before
_ROUNDING = 3e-7, 1e-5  # of background and ramp; an image that differs less from its plane is flat
_ROUGH = 1e-3  # of background and ramp; what differs less from them was not measured well in single precision
_FAINTEST, _STRONGEST = 1e-15, 1e15  # deviations whose squares single precision holds well
_FEW_SAMPLES = 2000  # tell the mean of CTF² to a percent
_DIGITS = 6  # of a radius; whether pixels on the circle are outside must not depend on rounding
_ORDER = 3  # of the polynomials that tell what slow changes there are
_STEEP = 10.0  # times their mean square; the slope of noise is that steep in one of a hundred images (F distribution, 2 and 7)
_CHUNK = 1 << 16  # pixels treated at a time, so that they stay in the processor's cache


@dataclass(frozen=True)
class GreyValues:
    """Background and noise of B images, in their own grey values.

    Parameters
    ----------
    background : (B,) float
        Of the plane through the pixels outside the particle, at the image's centre.
    ramp : (B,) float
        How much that plane rises from one side of the image to the other, along its slope; 0 where there is no ramp.
    deviation : (B,) float
        Standard deviation of the noise of a pixel, as in a raw image; 1 in blank images.
    source : (B,) int
        Where it was measured: ``OUTSIDE`` the particle, in the ``OUTER_RINGS`` of the transform, in the ``WHOLE_IMAGE``; or
        ``BLANK``, where an image is flat and holds nothing.
    """

    background: np.ndarray
    ramp: np.ndarray
    deviation: np.ndarray
    source: np.ndarray

    @property
    def is_blank(self) -> np.ndarray:
        """(B,) bool"""
        return self.source == BLANK


def surroundings(box_size: int, pixel_size: float, diameter: float = 0.0) -> "Surroundings":
    """The pixels of an image that show no particle.

    Parameters
    ----------
    box_size : int
        px
    pixel_size : float
        Å/px.
    diameter : float
        Of the particle in Å; 0 where it is not known.

    Returns
    -------
    Surroundings
        Shared by all readers of one geometry.
    """
    radius = diameter / 2 / pixel_size if diameter else _USUAL_RADIUS * box_size
    return _surroundings(box_size, round(radius, _DIGITS))


@lru_cache(maxsize=8)
def _surroundings(box_size: int, radius: float) -> "Surroundings":
    return Surroundings(box_size, radius)


class Surroundings:
    """The pixels outside a circle about the box centre, and planes through them.

    Parameters
    ----------
    box_size : int
        px
    radius : float
        px; of a particle that fills the box only the corners are outside.
    """

    def __init__(self, box_size: int, radius: float) -> None:
        self.box_size, self.radius = box_size, radius
        self.is_filled = radius > box_size / 2
        axis = np.arange(box_size) - box_size // 2
        outside = (axis[:, None] ** 2 + axis**2 > min(radius, box_size / 2) ** 2).ravel()
        x, y = (place.ravel() / box_size for place in np.meshgrid(axis, axis))
        powers = [(degree - of_y, of_y) for degree in range(_ORDER + 1) for of_y in range(degree + 1)]
        products = np.stack([x**of_x * y**of_y for of_x, of_y in powers])
        orthonormal, self._combined = np.linalg.qr(products[:, outside].T)
        self._count = int(outside.sum())
        self._planes = np.linalg.solve(self._combined[:3, :3].T, products[:3])
        self._fit = np.zeros((len(powers), box_size**2))
        self._fit[:, outside] = orthonormal.T
        self._in_single = self._fit.astype(np.float32), self._planes.astype(np.float32)
        self._outside = outside.astype(np.float32)

    def level(self, pixels: np.ndarray, ctf: CtfParameters, pixel_size: float) -> GreyValues:
        """Take the background off images and measure their noise.

        Parameters
        ----------
        pixels : (B, Y, X) float32
            Changed in place: without the plane, in the same grey values.
        ctf : CtfParameters
            Of the images; of premultiplied ones it tells how much noise was left by it.
        pixel_size : float
            Å/px.

        Returns
        -------
        GreyValues
        """
        flat = pixels.reshape(len(pixels), -1)
        found, outer, whole = np.empty((len(flat), 3)), np.empty(len(flat)), np.empty(len(flat))
        size = max(1, _CHUNK // flat.shape[1])
        room = np.empty((size, flat.shape[1]), np.float32)
        for start in range(0, len(flat), size):
            part = slice(start, start + size)
            found[part], outer[part], whole[part] = self._levelled(flat[part], room[: len(flat[part])])
        deviation = np.sqrt(outer / (self._count - _fitted(found)))
        whole = np.sqrt(whole / flat.shape[1])
        plane = self._plane(found)
        level = np.abs(plane[:, 0]) + np.hypot(plane[:, 1], plane[:, 2])
        is_exact = (whole > np.maximum(_ROUGH * level, _FAINTEST)) & (whole < _STRONGEST)
        for number in np.flatnonzero(~is_exact):
            found[number], deviation[number], whole[number] = self._levelled_exactly(flat[number], found[number])
        plane = self._plane(found)
        source = np.full(len(flat), OUTER_RINGS if self.is_filled else OUTSIDE)
        source[deviation <= _MASKED * whole] = OUTER_RINGS
        ramp = np.hypot(plane[:, 1], plane[:, 2])
        source[whole <= np.maximum(_ROUNDING[0] * (np.abs(plane[:, 0]) + ramp), _ROUNDING[1] * ramp)] = BLANK
        self._measure_elsewhere(pixels, whole, deviation, source)
        deviation /= np.sqrt(noise_left(ctf, self.box_size, pixel_size, source))
        deviation[source == BLANK] = 1
        return GreyValues(plane[:, 0], ramp, deviation, source)

    def _plane(self, found: np.ndarray) -> np.ndarray:
        """Value at the centre and slopes along x and y, (B, 3), of planes with coefficients (B, 3)."""
        return np.linalg.solve(self._combined[:3, :3], found.T).T

    def _levelled(self, flat: np.ndarray, room: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coefficients (B, 3) of the planes, sums of squares (B,) outside and of all pixels; images (B, Y X) lose the plane.

        One product per image, so that its result does not depend on those read with it.
        """
        fit, planes = self._in_single
        found = _without_doubtful_ramps(np.matmul(fit, flat[:, :, None])[:, :, 0])
        np.matmul(found[:, None], planes, out=room[:, None])
        flat -= room
        np.multiply(flat, self._outside, out=room)
        with np.errstate(over="ignore"):  # such images are measured again
            return found, _square_sums(room), _square_sums(flat)

    def _levelled_exactly(self, image: np.ndarray, found: np.ndarray) -> Tuple[np.ndarray, float, float]:
        """What is left of one image (Y X,) on a high background: its coefficients, and deviations outside and of all pixels."""
        left = image + found @ self._planes
        found = _without_doubtful_ramps((self._fit @ left)[None])[0]
        left = np.subtract(left, found @ self._planes)
        image[:] = left
        outside = left[self._outside > 0]
        return found, np.sqrt(np.sum(outside**2) / (self._count - _fitted(found))), np.sqrt(np.mean(left**2))

    def _measure_elsewhere(self, pixels: np.ndarray, whole: np.ndarray, deviation: np.ndarray, source: np.ndarray) -> None:
        """Fill in the deviation of images whose surroundings do not tell it."""
        members = np.flatnonzero(source == OUTER_RINGS)
        if len(members):
            disc, used = _outer_rings(self.box_size)
            power = np.abs(disc.transform(pixels[members])[:, used].astype(complex)) ** 2
            deviation[members] = np.sqrt(power.mean(axis=1)) / self.box_size
            empty = members[deviation[members] <= _UNFILLED * whole[members]]
            source[empty], deviation[empty] = WHOLE_IMAGE, whole[empty]


def _without_doubtful_ramps(found: np.ndarray) -> np.ndarray:
    """Coefficients (B, 3) of planes, of those of images (B, P); level where the ramp may be the particle's."""
    squares = found.astype(float) ** 2
    ramp, others = squares[:, 1:3].mean(axis=1), squares[:, 3:].mean(axis=1)
    return found[:, :3] * np.where(ramp > _STEEP * others, 1, [[1], [0], [0]]).T.astype(found.dtype)


def _fitted(found: np.ndarray) -> np.ndarray:
    """How many numbers the planes with coefficients (..., 3) have taken from the noise, 1 for a level one."""
    return np.where(found[..., 1:].any(axis=-1), 3, 1)


def noise_left(ctf: CtfParameters, box_size: int, pixel_size: float, source: np.ndarray) -> np.ndarray:
    """Variance of the noise (B,) of images relative to raw ones: of premultiplied ones the mean of CTF², else 1.

    Parameters
    ----------
    ctf : CtfParameters
    box_size : int
        px
    pixel_size : float
        Å/px.
    source : (B,) int
        Where the noise was measured, as in ``GreyValues``.
    """
    left = np.ones(len(source))
    disc, outer = _outer_rings(box_size)
    for place, samples in ((source != OUTER_RINGS, slice(None)), (source == OUTER_RINGS, outer)):
        members = np.flatnonzero(place & (ctf.state == CTF_PREMULTIPLIED))
        if len(members):
            some = _thinned(disc, samples)
            left[members] = (ctf_on_disc(ctf.subset(members), some, pixel_size) ** 2).mean(axis=1)
    return left


def _thinned(disc: HalfDisc, samples: Union[np.ndarray, slice]) -> HalfDisc:
    """Some of the samples of a disc, evenly over its rings."""
    columns = [values[samples] for values in (disc.kx, disc.ky, disc.ring)]
    return HalfDisc(disc.box_size, *(values[:: 1 + len(values) // _FEW_SAMPLES] for values in columns))


def _outer_rings(box_size: int) -> Tuple[HalfDisc, np.ndarray]:
    """The whole disc of a box, and which of its samples lie in the outer rings."""
    disc = half_disc(box_size, box_size // 2 - 1)
    return disc, disc.ring >= _OUTER_RINGS * disc.radius


def _square_sums(flat: np.ndarray) -> np.ndarray:
    """Sums of squares (B,) of images (B, Y X)."""
    return np.matmul(flat[:, None], flat[:, :, None])[:, 0, 0]
