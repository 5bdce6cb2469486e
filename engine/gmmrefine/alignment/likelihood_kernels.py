"""What TensorFlow compiles of the likelihood of images: real and imaginary parts of B images of K samples, in single precision.

Arguments: ``real, imag`` (B, K) of projections; ``moment_real, moment_imag`` (B, 3, K) their slopes by turns; ``shifts``
(B, 2) in radians per unit of ``k`` (2, K); ``matched`` (2, B, K) images times their CTF; ``ctf2`` (B, K); ``scale`` and
``precision`` (K,) of ShellWeights.
"""

from gmmrefine.backend import compiled, tf


def recentred(shifts, matched, k):
    """Images moved by shifts (B, 2), radians per unit of k, so that the particle is centred: real and imaginary part (B, K)."""
    phase = tf.matmul(shifts, k)
    cos, sin = tf.cos(phase), tf.sin(phase)
    return matched[0] * cos + matched[1] * sin, matched[1] * cos - matched[0] * sin


@compiled
def moved(real, imag, shifts, k):
    """Projections (B, K) at their shifts (B, 2), radians per unit of k: real, imaginary."""
    phase = tf.matmul(shifts, k)
    cos, sin = tf.cos(phase), tf.sin(phase)
    return real * cos - imag * sin, real * sin + imag * cos


@compiled
def less(real, imag, matched, ctf2, scale):
    """Images times their CTF (2, B, K) without projections of a strength (K,) through their CTF."""
    weight = ctf2 * scale
    return tf.stack([matched[0] - weight * real, matched[1] - weight * imag])


@compiled
def value(real, imag, shifts, matched, ctf2, k, scale, precision):
    """Log likelihood (B,) of images, shifts (B, 2) in radians per unit of k, without what no pose changes."""
    data_real, data_imag = recentred(shifts, matched, k)
    agreement = data_real * real + data_imag * imag - 0.5 * scale * ctf2 * (real**2 + imag**2)
    return tf.reduce_sum(precision * scale * agreement, axis=1)


@compiled
def strength(real, imag, matched, ctf2, scale, precision):
    """Weighted agreement (B,) of images with projections at their shifts, and energy (B,) of these."""
    weight = precision * scale
    agreement = tf.reduce_sum(weight * (matched[0] * real + matched[1] * imag), axis=1)
    return agreement, tf.reduce_sum(weight * scale * ctf2 * (real**2 + imag**2), axis=1)


@compiled
def agreement(real, imag, matched, ctf2, weight):
    """Weighted agreement (K,) and energy (K,) of images with projections at their shifts, summed over the images."""
    cross = tf.reduce_sum(weight * (matched[0] * real + matched[1] * imag), axis=0)
    return cross, tf.reduce_sum(weight * ctf2 * (real**2 + imag**2), axis=0)


def slopes(f, moments, k):
    """T, of which -i T are the derivatives of projections (…, K) with moments (…, 3, K) in turn and shift, (…, 5, K)."""
    x, y, z = tf.unstack(moments, axis=-2)
    # turning by ω moves a point by ω × x, and the image by -shift
    return tf.stack([-k[1] * z, k[0] * z, k[1] * x - k[0] * y, -k[0] * f, -k[1] * f], axis=-2)


@compiled
def normal_equations(real, imag, moment_real, moment_imag, shifts, matched, ctf2, k, scale, precision):
    """Log likelihood (B,), slope (B, 5) and information (B, 5, 5) in turn and shift; shifts (B, 2) in rad per unit of k."""
    data_real, data_imag = recentred(shifts, matched, k)
    model = scale * ctf2
    agreement = data_real * real + data_imag * imag - 0.5 * model * (real**2 + imag**2)
    weight = precision * scale
    value = tf.reduce_sum(weight * agreement, axis=1)

    t_real, t_imag = slopes(real, moment_real, k), slopes(imag, moment_imag, k)
    residual_real = weight * (data_real - model * real)
    residual_imag = weight * (data_imag - model * imag)
    gradient = tf.reduce_sum(residual_real[:, None] * t_imag - residual_imag[:, None] * t_real, axis=2)
    return value, gradient, curvature(weight * model, t_real, t_imag)


def curvature(weight, t_real, t_imag):
    """Products (B, 5, 5) of slopes (B, 5, K), weighted (B, K)."""
    weight = weight[:, None]
    return tf.add(tf.matmul(weight * t_real, t_real, transpose_b=True), tf.matmul(weight * t_imag, t_imag, transpose_b=True))


@compiled
def score_covariance(real, imag, moment_real, moment_imag, ctf2, k, scale, precision, excess):
    """Information (B, 5, 5), and covariance (B, 5, 5) of the slope where the reference's noise, ``excess`` (K,), adds to it."""
    t_real, t_imag = slopes(real, moment_real, k), slopes(imag, moment_imag, k)
    weight = precision * scale**2 * ctf2
    return curvature(weight, t_real, t_imag), curvature(weight * (1 + excess * ctf2), t_real, t_imag)


@compiled
def joint_equations(real, imag, moment_real, moment_imag, shifts, matched, ctf2, k, scale, precision):
    """Slope (B, 5 P) and information (B, 5 P, 5 P) of P parts together; shifts (B, 2) in radians per unit of k."""
    data_real, data_imag = recentred(shifts, matched, k)
    model, weight = scale * ctf2, precision * scale
    t_real, t_imag = (
        tf.concat(tf.unstack(slopes(f, moments, k), axis=1), axis=1)  # (B, 5 P, K)
        for f, moments in ((real, moment_real), (imag, moment_imag))
    )
    residual_real = weight * (data_real - model * tf.reduce_sum(real, axis=1))
    residual_imag = weight * (data_imag - model * tf.reduce_sum(imag, axis=1))
    gradient = tf.reduce_sum(residual_real[:, None] * t_imag - residual_imag[:, None] * t_real, axis=2)
    curvature = (weight * model)[:, None]
    information = tf.add(
        tf.matmul(curvature * t_real, t_real, transpose_b=True), tf.matmul(curvature * t_imag, t_imag, transpose_b=True)
    )
    return gradient, information
