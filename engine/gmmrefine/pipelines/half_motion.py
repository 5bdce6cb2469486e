"""One half set: its map to a GMM, its GMM to anchors, its images to networks and latents."""

import os
from dataclasses import dataclass

import numpy as np

from gmmrefine.alignment.likelihood import ImageFit, weights_from_sums
from gmmrefine.backend import tf
from gmmrefine.errors import InputError
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.mask import membership
from gmmrefine.gmm.project import SliceProjector
from gmmrefine.gmm.seed import SPACING
from gmmrefine.heterogeneity.anchors import place_anchors
from gmmrefine.heterogeneity.model import MotionModel, images_of
from gmmrefine.heterogeneity.motions import axes_of_motion, principal_motions
from gmmrefine.heterogeneity.posterior import most_probable
from gmmrefine.heterogeneity.train import Trainer, describe, held_out_gain, train_epoch
from gmmrefine.io.network_file import read_arrays, write_arrays
from gmmrefine.particles.images import CHUNK, ImageReader, chunks_in
from gmmrefine.particles.symmetry import mean_by_particle, parents, shuffled
from gmmrefine.pipelines.build import LOWEST_SHELL, fit_weights, gmm_of_map
from gmmrefine.pipelines.half_iteration import reference_reliability, with_spacing
from gmmrefine.pipelines.particle_scales import with_measured_scale
from gmmrefine.pipelines.reconstruct import half_map
from gmmrefine.random_streams import stream

_SAMPLE = 256  # images that tell signal and noise
_HELD_OUT, _MOST_HELD_OUT = 0.1, 0.25  # part of the particles, never trained on
_ENOUGH_HELD_OUT = 200  # to tell a gain from none
_CERTAIN = 3.0  # standard errors of the held-out gain
_PATIENCE = 8  # epochs without a better held-out loss
_FIELDS = 500  # particles whose displacements tell the axes of motion
_MOBILE = 0.5
_ANCHORS, _PER_ANCHOR = 32, 2  # most anchors where none are asked for, and Gaussians that each moves at least
_CLOSEST = 0.6  # of the usual spacing
_EDGE = 0.05  # a membership that is nearly 0 or 1 is
_NETWORKS, _SPLIT, _EPOCH = 0, 1, 2


@dataclass(frozen=True)
class LearnedHalf:
    """What one half set says about its motions.

    Parameters
    ----------
    particles : ParticleSet
    model : MotionModel
    latent, latent_error : (N, D) float
        Most probable latents and their standard deviations.
    latent_of_seen : (N, D) float
        Most probable latents by one half of the Fourier samples.
    seen : (K,) bool
        These samples.
    motion : (N,) float
        Rms displacement of the Gaussians that may move, Å.
    history : (E, 3) float
        Training gain, divergence and held-out bound of every epoch, per particle.
    evidence : dict
        ``gain``, ``gain_error``, ``certain``, ``explained`` on samples that latents were not taken from.
    """

    particles: object
    model: MotionModel
    latent: np.ndarray
    latent_error: np.ndarray
    latent_of_seen: np.ndarray
    seen: np.ndarray
    motion: np.ndarray
    history: np.ndarray
    evidence: dict


@dataclass(frozen=True)
class Untrained:
    """One half set before it learns.

    Parameters
    ----------
    model : MotionModel
    reader : ImageReader
    trained, held : (T,), (H,) int
        Particles to train on, and those held out.
    """

    model: MotionModel
    reader: ImageReader
    trained: np.ndarray
    held: np.ndarray


def learn_half(untrained, settings, run):
    """Learn the motions of one half set, or load what an interrupted run had finished.

    Parameters
    ----------
    untrained : Untrained
    settings : HeterogeneitySettings
    run : Run

    Returns
    -------
    LearnedHalf
    """
    number = untrained.reader.particles.half
    finished = run.path(f"network_half_{number}.npz")
    model, reader, trained, held = untrained.model, untrained.reader, untrained.trained, untrained.held
    seen = stream("networks of motion", settings.seed, number, _SPLIT, 1).random(len(model.disc.ring)) < 0.5
    features, neutral = described(model, reader, model.precision, settings, run.progress)
    features_of_seen, _ = described(model, reader, model.precision * seen.astype(np.float32), settings, run.progress)
    arrays, header = read_whole(finished, run.progress)
    if arrays is None:
        history = train(model, reader, features, neutral, trained, held, settings, run)
        guess = model.encoder(tf.constant(features[:_FIELDS]))[0].numpy()
        fields = model.displacements(tf.constant(guess)).numpy()[:, model.mobility > _MOBILE]
        model.turn(axes_of_motion(guess, principal_motions(fields, model.latent_size).scores))
        write_model(finished, model, history)
    else:
        model.load(arrays)
        history = np.array(header["history"])
    latent, covariance = latents(model, reader, features, model.precision, settings, run.progress)
    latent_of_seen, _ = latents(
        model, reader, features_of_seen, model.precision * seen.astype(np.float32), settings, run.progress
    )
    evidence = held_out_evidence(model, reader, latent_of_seen, seen, held, settings)
    error = np.sqrt(np.einsum("ndd->nd", covariance))
    return LearnedHalf(
        reader.particles, model, latent, error, latent_of_seen, seen, motion_of(model, latent), history, evidence
    )


def read_whole(path, progress):
    """Arrays and header of a file that an interrupted run has left; None twice where there is none, or only a damaged one."""
    if not os.path.exists(path):
        return None, None
    try:
        return read_arrays(path)
    except InputError as error:
        progress.say(f"{error} It is made again now")
        os.unlink(path)
        return None, None


def split_for_training(particles, settings):
    """Which particles of a half set are trained on, and which are held out; copies of one are kept together."""
    parent = parents(particles)
    order = stream("networks of motion", settings.seed, particles.half, _SPLIT).permutation(parent.max() + 1)
    count = min(max(_ENOUGH_HELD_OUT, _HELD_OUT * len(order)), _MOST_HELD_OUT * len(order))
    is_held = np.isin(parent, order[: int(count)])
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def untrained_half(particles, shared, numbers, settings, progress):
    """A half set with a new model, its GMM from a map of the particles to train on.

    Parameters
    ----------
    particles : ParticleSet
    shared : Shared
    numbers : list of int or None
        Of anchors, coarse to fine; None chooses them.
    settings : HeterogeneitySettings
    progress : Progress

    Returns
    -------
    Untrained
    """
    trained, held = split_for_training(particles, settings)
    ring, pixel_size = np.arange(shared.radius + 1), particles.pixel_size
    volume = half_map(particles.subset(trained), settings, progress)
    gmm, gmm_fsc, mobility = gmm_that_moves(volume, shared, particles, settings, progress)
    disc = half_disc(particles.box_size, shared.radius)
    reliability = reference_reliability(shared.fsc[ring], gmm_fsc)
    particles = with_measured_scale(particles, gmm, reliability, settings, progress, {"iteration": 0, "half": particles.half})
    reader = ImageReader(particles, disc, settings.invert_contrast)
    mobile = mobility > _MOBILE
    if numbers is None:
        numbers = [min(_ANCHORS, max(1, int(mobile.sum()) // _PER_ANCHOR))]
        progress.say(f"half {particles.half}: {numbers[0]} anchors move {mobile.sum()} of {len(gmm)} Gaussians")
    if mobile.sum() < numbers[-1]:
        raise InputError(
            f"--anchors {settings.anchors}: the region holds {mobile.sum()} of the {len(gmm)} Gaussians of half "
            f"{particles.half}; expected at least as many as anchors. Ask for fewer anchors, a larger region or more "
            "Gaussians."
        )
    levels = [place_anchors(gmm.centers[mobile], count, settings.seed) for count in numbers]
    rng = stream("networks of motion", settings.seed, particles.half, _NETWORKS)
    sample = np.sort(shuffled(particles, rng)[:_SAMPLE])
    projector = SliceProjector(gmm, disc, pixel_size)
    sums = sum(
        ImageFit(batch, disc, pixel_size).ring_sums(projector, particles.rotations[batch.index], particles.shifts[batch.index])
        for batch in reader.batches(CHUNK, sample, chunks_in(settings.batch_size))
    )
    weights = weights_from_sums(sums, reliability, LOWEST_SHELL, shared.radius)
    model = MotionModel(gmm, mobility, levels, settings.latent_size, rng, disc, pixel_size, *weights.on(disc))
    return Untrained(model, reader, trained, held)


def gmm_that_moves(volume, shared, particles, settings, progress):
    """The Gaussians of a half set's map (Z, Y, X) and what of them may move; closer ones where a region holds only few.

    Returns
    -------
    tuple
        Gmm, its FSC (R + 1,) with the map, mobility (G,).
    """
    pixel_size, weights = particles.pixel_size, fit_weights(shared.fsc[: shared.radius + 1])

    def built(settings):
        gmm, fsc = gmm_of_map(
            volume, shared.masks.molecule, pixel_size, weights, settings, progress, iteration=0, half=particles.half
        )
        focus = shared.masks.focus
        return gmm, fsc, np.ones(len(gmm)) if focus is None else start_mobility(gmm, focus, pixel_size)

    made = built(settings)
    mobile = np.sum(made[2] > _MOBILE)
    if settings.gaussians == "auto" and mobile < _ANCHORS * _PER_ANCHOR:
        closer = SPACING * max(_CLOSEST, (max(mobile, 1) / (_ANCHORS * _PER_ANCHOR)) ** (1 / 3))
        progress.say(
            f"half {particles.half}: {mobile} of {len(made[0])} Gaussians may move; they are placed "
            f"{SPACING / closer:.2f} times as close"
        )
        made = built(with_spacing(settings, closer))
    return made


def start_mobility(gmm, focus, pixel_size):
    """Mobility (G,) of Gaussians by a mask (Z, Y, X) of a region: open to learning only where its edge is."""
    return np.clip((membership(gmm, focus, pixel_size) - _EDGE) / (1 - 2 * _EDGE), 0, 1)


def described(model, reader, precision, settings, progress):
    """Features and neutral log-likelihood of every particle, by samples of some precision (K,)."""
    with progress.step("read what particles tell", len(reader.particles), half=reader.particles.half) as report:
        return describe(model, reader, settings.training_batch, precision, report)


def train(model, reader, features, neutral, trained, held, settings, run):
    """Train to the last epoch or until held-out particles gain nothing, keep the best; its history (E, 3).

    The state after every epoch is kept in ``iterations/01``, from where an interrupted run goes on.
    """
    number = reader.particles.half
    trainer = Trainer(model, settings.training_rate, len(trained))
    state = run.path("iterations", "01", f"training_half_{number}.npz")
    history, best = [], None
    arrays, header = read_whole(state, run.progress)
    if arrays is not None:
        history, best = header["history"], {name[5:]: values for name, values in arrays.items() if name.startswith("best_")}
        model.load(arrays)
        trainer.load(arrays)
    for epoch in range(len(history) + 1, settings.epochs + 1):
        rng = stream("networks of motion", settings.seed, number, _EPOCH, epoch)
        with run.progress.step("train", len(trained), epoch=epoch, half=number) as report:
            gain, apart = train_epoch(
                trainer, model, reader, features, neutral, trained, settings.training_batch, epoch, settings.epochs, rng, report
            )
        bound = float(held_out_gain(model, reader, features, neutral, held, settings.training_batch).mean())
        history.append([float(gain), float(apart), bound])
        run.progress.say(
            f"half {number}, epoch {epoch} of {settings.epochs}: bound {gain - apart:.2f} per particle, held out {bound:.2f}"
        )
        since = len(history) - 1 - int(np.argmax([row[2] for row in history]))
        best = model.arrays() if since == 0 else best
        write_arrays(
            state,
            {**model.arrays(), **trainer.arrays(), **{f"best_{name}": values for name, values in best.items()}},
            {"history": history},
        )
        if since >= _PATIENCE:
            run.progress.say(f"half {number}: held-out particles gained nothing in {since} epochs; training ends")
            break
    model.load(best)
    return np.array(history)


def latents(model, reader, features, precision, settings, progress):
    """Most probable latents (N, D), searched from what the encoder makes of features (N, F), and covariances (N, D, D)."""
    guess = model.encoder(tf.constant(features))[0].numpy()
    found, covariance, done = guess.copy(), np.empty((*guess.shape, guess.shape[1])), 0
    with progress.step("find latents", len(guess), half=reader.particles.half) as report:
        for batch in reader.batches(settings.training_batch):
            found[batch.index], covariance[batch.index] = most_probable(
                model, guess[batch.index], images_of(batch, reader.particles), precision
            )
            done += len(batch.index)
            report(done)
    return found, covariance


def held_out_evidence(model, reader, latent_of_seen, seen, held, settings):
    """What latents found on one half of the Fourier samples explain of the other half, in particles never trained on.

    The gain counts from the neutral state, or from the GMM of the start map where that explains more.
    """
    unseen = model.precision * (~seen).astype(np.float32)
    moved, neutral, start = [], [], []
    for batch in reader.batches(settings.training_batch, held):
        images = images_of(batch, reader.particles)
        latent = tf.constant(latent_of_seen[batch.index])
        moved.append(model.value(latent, images, unseen).numpy())
        neutral.append(model.value(tf.zeros_like(latent), images, unseen).numpy())
        start.append(model.start_value(images, unseen).numpy())
    moved, neutral, start = (np.concatenate(values) for values in (moved, neutral, start))
    baseline = max(neutral, start, key=np.mean)
    gain = mean_by_particle(moved - baseline, parents(reader.particles)[held])
    mean, error = float(gain.mean()), float(gain.std() / np.sqrt(len(gain)))
    return {
        "gain": mean,
        "gain_error": error,
        "certain": mean > _CERTAIN * error,
        "explained": float(gain.mean() / max(abs(baseline.mean()), 1e-12)),
    }


def motion_of(model, latent):
    """Rms displacement (N,) in Å of the Gaussians that may move, weighted by mass."""
    gmm, weight = model.gmm(), model.mobility
    weight = np.maximum(gmm.masses, 0) * weight
    motion = np.empty(len(latent))
    for start in range(0, len(latent), _FIELDS):
        field = model.displacements(tf.constant(latent[start : start + _FIELDS], tf.float32)).numpy()
        motion[start : start + _FIELDS] = np.sqrt((field**2).sum(axis=2) @ weight / weight.sum())
    return motion


def write_model(path, model, history):
    """Write all that was learned of a half set, with what is needed to use it."""
    made_from, header = model.description()
    write_arrays(path, {**model.arrays(), **made_from}, dict(header, history=np.asarray(history).tolist()))
