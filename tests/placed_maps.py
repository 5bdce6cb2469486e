"""Maps of 6MSM with all that is done to maps, for tests of whether a model lies in its map."""

import numpy as np
from scipy.ndimage import distance_transform_edt

from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.mrc import MapGrid

BOX, VOXEL = 72, 2.0  # px, Å; 6MSM is 69 × 77 × 133 Å
SIDE = BOX * VOXEL


class MapsOf6msm:
    """A clean map of 4 Å, and others made from it; all lie where the model does."""

    def __init__(self):
        self.positions = read_atoms(embedded_model()).positions
        self.origin = 0.5 * (self.positions.min(axis=0) + self.positions.max(axis=0)) - BOX // 2 * VOXEL
        self._atoms = self._of_atoms(np.ones(len(self.positions)))
        self.clean = filtered(self._atoms, cut=4.2)
        self._deviation = self.clean[self._atoms > 0.02].std()
        self._distance = distance_transform_edt(self._atoms < 0.02) * VOXEL
        self._rng = np.random.default_rng(4)

    def _of_atoms(self, heights):
        """Every atom shared among the eight voxels around it."""
        place = (self.positions - self.origin) / VOXEL
        low, data = np.floor(place).astype(int), np.zeros((BOX,) * 3)
        for corner in np.ndindex(2, 2, 2):
            share = np.prod(1 - np.abs(place - low - corner), axis=1)
            np.add.at(data, tuple((low + corner)[:, ::-1].T), heights * share)
        return filtered(data, b_factor=100).clip(0)

    def grid(self, data):
        """The map (Z, Y, X) in the frame of the model."""
        return MapGrid(np.asarray(data, np.float32), np.full(3, VOXEL), self.origin)

    def noise(self, amount):
        """White noise of some deviations of the molecule's density."""
        return amount * self._deviation * self._rng.standard_normal((BOX,) * 3, np.float32)

    def lowest(self, part):
        """Which atoms (A,) are the lowest part of the molecule along z."""
        return self.positions[:, 2] < np.quantile(self.positions[:, 2], part)

    def without(self, gone, cut=4.2):
        """The map without some of the atoms, (A,) bool."""
        return filtered(self._of_atoms(np.where(gone, 0.0, 1.0)), cut=cut)

    def masked(self, data, reach):
        """The map with zeros beyond a distance in Å from the density of the atoms."""
        return data * (self._distance < reach)

    def in_micelle(self, level):
        """The map with a flat ball of 48 Å around one end of the molecule, its density in units of the molecule's mean."""
        places = np.indices((BOX,) * 3) - np.array([BOX // 2 + 18, BOX // 2, BOX // 2])[:, None, None, None]
        ball = (np.linalg.norm(places, axis=0) * VOXEL < 48) & (self._atoms < 0.02)
        return self.clean + level * self.clean[self._atoms > 0.02].mean() * ball


def filtered(data, cut=0.0, b_factor=0.0, from_resolution=0.0):
    """A map cut at a resolution in Å, blurred by a B factor in Å², and without what is coarser than a resolution in Å."""
    axis, half = np.fft.fftfreq(BOX, VOXEL), np.fft.rfftfreq(BOX, VOXEL)
    k2 = axis[:, None, None] ** 2 + axis[:, None] ** 2 + half**2
    gain = np.exp(-b_factor * k2 / 4)
    if cut:
        gain = gain / (1 + (k2 * cut**2) ** 8)
    if from_resolution:
        gain = gain * (1 - np.exp(-k2 * from_resolution**2))
    return np.fft.irfftn(np.fft.rfftn(data) * gain, data.shape).astype(np.float32)


def legitimate_maps(maps):
    """Maps in which the model is in its place, by name."""
    noisy, gone = maps.clean + maps.noise(1), maps.lowest(0.3)
    return {
        "clean": maps.clean,
        "noisy": noisy,
        "half map of low contrast": maps.clean + maps.noise(8),
        "inverted": -noisy,
        "inverted, on a level": 40 - noisy,
        "sharpened": filtered(noisy, 4.2, b_factor=-200),
        "without coarse signal": filtered(noisy, 4.2, from_resolution=25),
        "masked tightly": maps.masked(noisy, 3),
        "masked, on a level": maps.masked(noisy, 3) - 7,
        "by a network": np.maximum(maps.clean, 0) ** 1.5,
        "in a micelle": maps.in_micelle(0.6),
        "at 10 Å": filtered(maps.clean, 10),
        "at 20 Å": filtered(maps.clean, 20) + maps.noise(0.2),
        "a domain absent": maps.without(gone) + maps.noise(0.5),
        "a domain absent, masked": maps.masked(maps.without(gone), 3),
        "a domain absent at 15 Å": maps.without(gone, 15) + maps.noise(0.2),
        "nearly half absent": maps.without(maps.lowest(0.45)) + maps.noise(0.5),
    }


def misplacements(maps):
    """Places (A, 3) where the model does not belong, by name."""
    center = maps.positions.mean(axis=0)
    away = maps.positions - center
    return {
        "half a box along x": maps.positions + [SIDE / 2, 0, 0],
        "half a box along y": maps.positions + [0, SIDE / 2, 0],
        "half a box along z": maps.positions + [0, 0, -SIDE / 2],
        "half a box along all": maps.positions + SIDE / 2,
        "15 Å along x and y": maps.positions + [15, 15, 0],
        "axes exchanged": away[:, ::-1] + center,
        "axes exchanged cyclically": away[:, [1, 2, 0]] + center,
        "in another map's frame": maps.positions - maps.origin + 30,
        "far away": maps.positions + 1000,
    }
