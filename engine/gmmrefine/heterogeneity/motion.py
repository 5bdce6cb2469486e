"""How a molecule's Gaussians move with a latent of few numbers."""

import numpy as np

from gmmrefine.backend import tf
from gmmrefine.gmm.model import Gmm
from gmmrefine.heterogeneity.anchors import Anchors, Field, rotation_matrices
from gmmrefine.heterogeneity.network import Decoder


class Motion:
    """Gaussians, anchors and decoders of one half set.

    Where only a region may move, the rest has a decoder of its own: poses found for a molecule whose region was taken to stay
    follow that region a little, so that against them the rest moves the other way. Without it motions come out too small.

    Parameters
    ----------
    gmm : Gmm
        Of the half's map.
    mobility : (G,) float
        1 for Gaussians that move, 0 for those that stay; of those between, on the edge of a region, it is only a first guess.
    levels : list of Anchors
        The displacements of the levels add up.
    latent_size : int
    rng : numpy.random.Generator
        Draws the start weights of the decoders.
    """

    def __init__(self, gmm, mobility, levels, latent_size, rng):
        self.start_gmm = gmm
        self.start_mobility = mobility
        self.levels = levels
        self.latent_size = latent_size
        self._fields = [Field(anchors, gmm.centers) for anchors in levels]
        self._start = tuple(tf.constant(values, tf.float32) for values in (gmm.centers, gmm.masses, gmm.widths))
        self._first_guess = tf.constant(mobility, tf.float32)
        self._is_edge = tf.constant((mobility > 0) & (mobility < 1))
        # of centres, masses and widths: those fitted to a map of all conformations are smeared along the motion; and of the
        # logit of the mobility, as what moves by half holds back what moves
        self.adjustments = tuple(tf.Variable(tf.zeros_like(values)) for values in (*self._start, self._first_guess))
        self.decoders = [Decoder(latent_size, anchors, rng) for anchors in levels]
        whole = Anchors(np.zeros((1, 3)), float(np.sqrt(np.mean(np.sum(gmm.centers**2, axis=1)))))
        self.rest = Decoder(latent_size, whole, rng) if np.any(mobility < 1) else None

    def gaussians(self):
        """Centres (G, 3) in Å, masses (G,) in map units × Å³ and widths (G,) in Å of the neutral state, as tensors."""
        (centers, masses, widths), (move, swell, widen, _), may = self._start, self.adjustments, self._first_guess
        return centers + may[:, None] * move, masses * tf.exp(may * swell), widths * tf.exp(may * widen)

    def mobilities(self):
        """How far Gaussians (G,) follow the anchors, 0 to 1, as a tensor."""
        guess = tf.where(self._is_edge, self._first_guess, 0.5)
        return tf.where(self._is_edge, tf.sigmoid(tf.math.log(guess / (1 - guess)) + self.adjustments[3]), self._first_guess)

    @property
    def mobility(self):
        """``mobilities`` as an array."""
        return self.mobilities().numpy().astype(float)

    def gmm(self):
        """The neutral state, zero latent."""
        centers, masses, widths = (values.numpy().astype(float) for values in self.gaussians())
        return Gmm(centers, masses / (widths * np.sqrt(2 * np.pi)) ** 3, widths)

    def displacements(self, latent):
        """Displacements (B, G, 3) in Å of all Gaussians against the rest at latents (B, D)."""
        neutral, mobility = self.gaussians()[0], self.mobilities()
        return sum(
            field.displacements(decoder(latent), neutral, mobility) for field, decoder in zip(self._fields, self.decoders)
        )

    def displacements_of(self, points, mobility, latent):
        """Displacements (B, P, 3) in Å against the rest of any points (P, 3) of given mobility (P,) at latents (B, D)."""
        latent, places, mobility = (tf.constant(values, tf.float32) for values in (latent, points, mobility))
        return sum(
            Field(anchors, points).displacements(decoder(latent), places, mobility)
            for anchors, decoder in zip(self.levels, self.decoders)
        ).numpy()

    def rest_motions(self, latent):
        """How the rest, and all with it, moves against its poses at latents (B, D): turns (B, 3, 3), moves (B, 3) in Å."""
        if self.rest is None:
            return tf.eye(3, batch_shape=[tf.shape(latent)[0]]), tf.zeros([tf.shape(latent)[0], 3])
        motions = self.rest(latent)[:, 0]
        return rotation_matrices(motions[:, :3]), motions[:, 3:]

    def seen_displacements_of(self, points, mobility, latent):
        """``displacements_of`` with the motion of the rest: displacements (B, P, 3) in Å as the poses see them."""
        turns, moves = (part.numpy() for part in self.rest_motions(tf.constant(latent, tf.float32)))
        places = points + self.displacements_of(points, mobility, latent)
        return np.einsum("bij,bpj->bpi", turns, places) + moves[:, None] - points

    @property
    def _all_decoders(self):
        return self.decoders + ([self.rest] if self.rest else [])

    def turn(self, axes):
        """Measure the latent along other axes, the columns of an orthogonal (D, D)."""
        for decoder in self._all_decoders:
            decoder.turn(axes)

    def parts(self):
        """Learned variables, by name."""
        return {
            "gaussians": self.adjustments,
            **{f"decoder_{level}": decoder.variables for level, decoder in enumerate(self.decoders, 1)},
            **({"rest": self.rest.variables} if self.rest else {}),
        }

    def arrays(self):
        """All numbers that were learned, by name."""
        return {
            f"{name}_{number}": variable.numpy()
            for name, variables in self.parts().items()
            for number, variable in enumerate(variables)
        }

    def load(self, arrays):
        """Take the numbers that ``arrays`` of a motion of the same make gave."""
        for name, variables in self.parts().items():
            for number, variable in enumerate(variables):
                variable.assign(arrays[f"{name}_{number}"])

    def description(self):
        """What a motion is made from: arrays, and a header of plain values; the counterpart of ``motion_from``."""
        gmm = self.start_gmm
        arrays = {"centers": gmm.centers, "amplitudes": gmm.amplitudes, "widths": gmm.widths, "mobility": self.start_mobility}
        arrays.update({f"anchors_{level}": anchors.centers for level, anchors in enumerate(self.levels, 1)})
        return arrays, {"latent_size": self.latent_size, "reaches": [anchors.reach for anchors in self.levels]}


def motion_from(arrays, header):
    """The motion that ``Motion.arrays`` and ``Motion.description`` describe."""
    levels = [Anchors(arrays[f"anchors_{level}"], reach) for level, reach in enumerate(header["reaches"], 1)]
    gmm = Gmm(arrays["centers"], arrays["amplitudes"], arrays["widths"])
    motion = Motion(gmm, arrays["mobility"], levels, header["latent_size"], np.random.default_rng(0))
    motion.load(arrays)
    return motion
