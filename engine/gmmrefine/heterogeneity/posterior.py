"""Where in the latent space a particle lies, and how certain that is: the encoder's guess, improved on the image itself."""

import numpy as np

from gmmrefine.backend import tf

_LONGEST_STEP = 1.0  # prior deviations
_STEPS = 2  # from the encoder's guess


def most_probable(model, latent, images, precision, steps=_STEPS):
    """Latents of highest posterior by damped Gauss-Newton steps; a step that does not improve it is undone.

    Parameters
    ----------
    model : MotionModel
    latent : (B, D) float
        Where to begin.
    images : Images
    precision : (K,) tensor
    steps : int

    Returns
    -------
    tuple
        latents (B, D), posterior covariances (B, D, D).
    """
    latent = np.array(latent, np.float32)
    identity = np.eye(latent.shape[1], dtype=np.float32)  # the prior is standard normal
    damping = np.full(len(latent), 1e-2, np.float32)
    value, gradient, information = (part.numpy() for part in model.normal_equations(tf.constant(latent), images, precision))
    posterior = value - 0.5 * (latent**2).sum(axis=1)
    for _ in range(steps):
        curvature = information + identity * (1 + damping[:, None, None])
        step = np.linalg.solve(curvature, (gradient - latent)[..., None])[..., 0]
        step *= np.minimum(1, _LONGEST_STEP / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-6))
        trial = [part.numpy() for part in model.normal_equations(tf.constant(latent + step), images, precision)]
        better = trial[0] - 0.5 * ((latent + step) ** 2).sum(axis=1) > posterior
        latent[better] += step[better]
        for kept, new in zip((value, gradient, information), trial):
            kept[better] = new[better]
        posterior = value - 0.5 * (latent**2).sum(axis=1)
        damping = np.where(better, damping / 4, damping * 16).astype(np.float32)
    return latent, np.linalg.inv(information + identity)
