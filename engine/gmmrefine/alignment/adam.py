"""Pose refinement as published: Adam steps on the Fourier ring correlation (Chen et al. 2023, Methods), for comparison."""

import numpy as np

from gmmrefine.backend import tf
from gmmrefine.geometry.rotations import euler_from_rotations
from gmmrefine.particles.images import CHUNK, chunks_in

_LOWEST_RESOLUTION = 25.0  # Å
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-7


class AdamRefiner:
    """Refines the poses of one half set by Adam on Euler angles and shifts, CTF phases flipped, all rings alike.

    Parameters
    ----------
    projector : ExactProjector
    reader : ImageReader
        Of the half set, on the projector's disc.
    batch_size : int
    steps : int
    learning_rate : float
        In radians and fractions of the box.
    """

    def __init__(self, projector, reader, batch_size, steps, learning_rate):
        self.reader = reader
        self.batch_size = batch_size
        self.steps = steps
        disc = projector.disc
        box = disc.box_size * reader.particles.pixel_size
        lowest = max(1, int(np.ceil(box / _LOWEST_RESOLUTION)))
        self._unit = np.array([np.pi / 180] * 3 + [1 / box] * 2)
        self._step = _adam_step(projector, min(lowest, disc.radius), learning_rate)

    def refine(self, start_rotations, start_shifts, report=lambda done: None):
        """New poses: rotations (N, 3, 3), shifts (N, 2) in Å, from start poses of the same shapes.

        ``report`` is called with the number of particles done.
        """
        poses = np.column_stack([euler_from_rotations(start_rotations), start_shifts]) * self._unit
        done = 0
        for batch in self.reader.batches(CHUNK, ahead=chunks_in(self.batch_size)):
            data = batch.phase_flipped()
            images = tf.constant(data.real), tf.constant(data.imag)
            pose = tf.constant(poses[batch.index], tf.float32)
            mean, square = tf.zeros_like(pose), tf.zeros_like(pose)
            for number in range(1, self.steps + 1):
                pose, mean, square = self._step(pose, mean, square, tf.constant(float(number)), *images)
            poses[batch.index] = pose.numpy()
            done += len(batch.index)
            report(done)
        poses = poses / self._unit
        return _rotations(tf.constant(np.radians(poses[:, :3]))).numpy(), poses[:, 3:]


def _rotations(euler):
    """Rotation matrices (B, 3, 3) of RELION angles (B, 3) in radians, differentiable."""
    (ca, cb, cg), (sa, sb, sg) = (tf.unstack(part, axis=1) for part in (tf.cos(euler), tf.sin(euler)))
    rows = [
        cg * cb * ca - sg * sa,
        cg * cb * sa + sg * ca,
        -cg * sb,
        -sg * cb * ca - cg * sa,
        -sg * cb * sa + cg * ca,
        sg * sb,
        sb * ca,
        sb * sa,
        cb,
    ]
    return tf.reshape(tf.stack(rows, axis=1), [-1, 3, 3])


def _adam_step(projector, lowest_ring, learning_rate):
    """One Adam step on 1 − mean FRC as a compiled function."""
    disc = projector.disc
    used = disc.ring >= lowest_ring
    ring = tf.constant((disc.ring - lowest_ring)[used], tf.int32)
    first = int(np.argmax(used))
    k = tf.constant(np.stack([disc.kx, disc.ky]) * 2 * np.pi, tf.float32)
    rings = disc.radius - lowest_ring + 1

    def by_ring(values):
        return tf.math.unsorted_segment_sum(tf.transpose(values[:, first:]), ring, rings)

    @tf.function(autograph=False)
    def step(pose, mean, square, number, data_real, data_imag):
        with tf.GradientTape() as tape:
            tape.watch(pose)
            real, imag = projector.images(_rotations(pose[:, :3]))
            phase = tf.matmul(pose[:, 3:], k)
            cos, sin = tf.cos(phase), tf.sin(phase)
            real, imag = real * cos - imag * sin, real * sin + imag * cos
            power = by_ring(real**2 + imag**2) * by_ring(data_real**2 + data_imag**2)
            frc = by_ring(real * data_real + imag * data_imag) * tf.math.rsqrt(tf.maximum(power, 1e-30))
            loss = -tf.reduce_sum(tf.reduce_mean(frc, axis=0))
        gradient = tape.gradient(loss, pose)
        mean = _BETA_1 * mean + (1 - _BETA_1) * gradient
        square = _BETA_2 * square + (1 - _BETA_2) * gradient**2
        step_size = learning_rate / (1 - _BETA_1**number)
        return pose - step_size * mean / (tf.sqrt(square / (1 - _BETA_2**number)) + _EPSILON), mean, square

    return step
