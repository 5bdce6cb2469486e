"""How a molecule's Gaussians move with a latent of few numbers."""
import numpy as np

from gmmrefine.backend import tf
from gmmrefine.gmm.model import Gmm
from gmmrefine.heterogeneity.anchors import Anchors, Field
from gmmrefine.heterogeneity.network import Decoder


class Motion:
    """Gaussians, anchors and decoders of one half set.

    Parameters
    ----------
    gmm : Gmm
        Of the half's map.
    mobility : (G,) float
        1 for Gaussians that may move, 0 for those that stay.
    levels : list of Anchors
        The displacements of the levels add up.
    latent_size : int
    rng : numpy.random.Generator
        Draws the start weights of the decoders.
    """

    def __init__(self, gmm, mobility, levels, latent_size, rng):
        self.start_gmm = gmm
        self.mobility = mobility
        self.levels = levels
        self.latent_size = latent_size
        self._fields = [Field(anchors, gmm.centers, mobility) for anchors in levels]
        self._start = tuple(tf.constant(values, tf.float32) for values in (gmm.centers, gmm.masses, gmm.widths))
        self._mobility = tf.constant(mobility, tf.float32)
        # of centres, masses and widths: those fitted to a map of all conformations are smeared along the motion
        self.adjustments = tuple(tf.Variable(tf.zeros_like(values)) for values in self._start)
        self.decoders = [Decoder(latent_size, anchors, rng) for anchors in levels]

    def gaussians(self):
        """Centres (G, 3) in Å, masses (G,) in map units × Å³ and widths (G,) in Å of the neutral state, as tensors."""
        (centers, masses, widths), (move, swell, widen) = self._start, self.adjustments
        return (centers + self._mobility[:, None] * move, masses * tf.exp(self._mobility * swell),
                widths * tf.exp(self._mobility * widen))

    def gmm(self):
        """The neutral state, zero latent."""
        centers, masses, widths = (values.numpy().astype(float) for values in self.gaussians())
        return Gmm(centers, masses / (widths * np.sqrt(2 * np.pi)) ** 3, widths)

    def displacements(self, latent):
        """Displacements (B, G, 3) in Å of all Gaussians at latents (B, D)."""
        neutral = self.gaussians()[0]
        return sum(field.displacements(decoder(latent), neutral) for field, decoder in zip(self._fields, self.decoders))

    def displacements_of(self, points, mobility, latent):
        """Displacements (B, P, 3) in Å of any points (P, 3) of given mobility (P,) at latents (B, D)."""
        latent, places = tf.constant(latent, tf.float32), tf.constant(points, tf.float32)
        return sum(
            Field(anchors, points, mobility).displacements(decoder(latent), places)
            for anchors, decoder in zip(self.levels, self.decoders)).numpy()

    def turn(self, axes):
        """Measure the latent along other axes, the columns of an orthogonal (D, D)."""
        for decoder in self.decoders:
            decoder.turn(axes)

    def parts(self):
        """Learned variables, by name."""
        return {
            "gaussians": self.adjustments,
            **{f"decoder_{level}": decoder.variables for level, decoder in enumerate(self.decoders, 1)}}

    def arrays(self):
        """All numbers that were learned, by name."""
        return {
            f"{name}_{number}": variable.numpy() for name, variables in self.parts().items()
            for number, variable in enumerate(variables)}

    def load(self, arrays):
        """Take the numbers that ``arrays`` of a motion of the same make gave."""
        for name, variables in self.parts().items():
            for number, variable in enumerate(variables):
                variable.assign(arrays[f"{name}_{number}"])

    def description(self):
        """What a motion is made from: arrays, and a header of plain values; the counterpart of ``motion_from``."""
        gmm = self.start_gmm
        arrays = {"centers": gmm.centers, "amplitudes": gmm.amplitudes, "widths": gmm.widths, "mobility": self.mobility}
        arrays.update({f"anchors_{level}": anchors.centers for level, anchors in enumerate(self.levels, 1)})
        return arrays, {"latent_size": self.latent_size, "reaches": [anchors.reach for anchors in self.levels]}


def motion_from(arrays, header):
    """The motion that ``Motion.arrays`` and ``Motion.description`` describe."""
    levels = [Anchors(arrays[f"anchors_{level}"], reach) for level, reach in enumerate(header["reaches"], 1)]
    gmm = Gmm(arrays["centers"], arrays["amplitudes"], arrays["widths"])
    motion = Motion(gmm, arrays["mobility"], levels, header["latent_size"], np.random.default_rng(0))
    motion.load(arrays)
    return motion
