"""Conformations learned by each half set alone: half map → GMM → anchors → networks → latents, then compared."""

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.figures.heterogeneity import draw_latents, draw_training
from gmmrefine.fourier.shells import resolution_of_shell
from gmmrefine.heterogeneity.motions import agreement, principal_motions
from gmmrefine.io.curves import write_curves
from gmmrefine.io.gmm_file import write_gmm
from gmmrefine.io.made_from import declared_for
from gmmrefine.io.mrc import write_map
from gmmrefine.io.network_file import write_arrays
from gmmrefine.io.star import StarBlock, text_columns, write_star
from gmmrefine.io.star_particles import identity_columns
from gmmrefine.particles.halves import Halves
from gmmrefine.particles.particle_set import by_particle, split_half_sets
from gmmrefine.pipelines.build import check_number_of_gaussians
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.pipelines.conformations import show_learned
from gmmrefine.pipelines.focus import Masks, has_focus, read_focus, refuse_focus_outside
from gmmrefine.pipelines.half_iteration import Shared
from gmmrefine.pipelines.half_motion import learn_half, untrained_half
from gmmrefine.pipelines.half_start import at_start, volume_of
from gmmrefine.pipelines.reconstruct import write_fsc
from gmmrefine.pipelines.refine_settings import check_resolutions
from gmmrefine.pipelines.shared_region import shared_fsc, shared_mask, usable_radius
from gmmrefine.pipelines.start_map_place import place_models
from gmmrefine.settings import Placed, changed, names_of

_PARTICLES_PER_LATENT = 50  # of each half; fewer cannot tell a motion from their noise
_POINTS, _FIELDS = 500, 500  # places in the molecule, and particles, by which motions are compared
_ALIKE = 0.5  # cosine between the leading motions of the halves


def heterogeneity(particles, settings, run):
    """Learn the motions of each half set, and say whether they agree.

    Parameters
    ----------
    particles : ParticleSet
        With half sets, at the poses of a refinement.
    settings : HeterogeneitySettings
    run : Run

    Returns
    -------
    dict
        Results for run.json.
    """
    check_settings(settings, particles)
    run.describe_particles(particles)
    starts = split_half_sets(particles)
    halves = at_start(starts, settings, run)
    settings = place_models(halves.map(volume_of), particles, settings, run)
    focus = read_focus(settings, particles.box_size, particles.pixel_size, settings.focus_model_origin)
    mask = shared_mask(halves, particles, settings, run)
    if focus is not None:
        refuse_focus_outside(focus, mask)
        write_map(run.path("focus_mask.mrc"), focus, particles.pixel_size)
    curve = shared_fsc(halves, Masks(mask), 0, settings, run)
    write_fsc(run.path("fsc.star"), curve)
    radius = usable_radius(curve, 1, changed(settings, max_resolution=settings.target_resolution))
    run.progress.say(f"motion is sought in signal up to {resolution_of_shell(radius, curve.box_size, curve.pixel_size):.1f} Å")
    shared = Shared(curve.fsc, Masks(mask, focus), radius)
    numbers = anchor_numbers(settings.anchors)
    # both before one is trained, which takes hours: either may have too few Gaussians
    new = halves.map(lambda half: untrained_half(half.particles, shared, numbers, settings, run.progress))
    learned = new.map(lambda half: learn_half(half, settings, run)).both()
    results = write_results(particles, learned, mask, focus, settings, run)
    return dict(results, conformations=show_learned(learned, shared, run.path("conformations"), run.progress))


def check_settings(settings, particles):
    """Refuse settings that mean nothing, and too few particles."""
    check_number_of_gaussians(settings.gaussians)
    anchor_numbers(settings.anchors)
    refuse_ignored(
        settings,
        [
            (bool(settings.model), "--model", ("gaussians",)),
            (not (settings.model or settings.focus_model), "no model", names_of(Placed)),
            (bool(settings.mask), "--mask", ("mask_resolution", "mask_edge")),
            (not has_focus(settings) or bool(settings.focus_mask), "no region made here", ("focus_edge",)),
            (bool(settings.pin_exchanges), "--pin-exchanges", ("mask", "mask_resolution", "mask_edge")),
        ],
    )
    check_resolutions(settings, particles, ("target_resolution",), or_none="")
    fewest = min(split_half_sets(particles).map(len).both())
    if fewest < _PARTICLES_PER_LATENT * settings.latent_size:
        raise InputError(
            f"{fewest} particles in the smaller half set are too few for {settings.latent_size} latent dimensions; expected at "
            f"least {_PARTICLES_PER_LATENT * settings.latent_size}. Use a smaller --latent-size or more particles."
        )


def anchor_numbers(text):
    """Numbers of anchors, coarse to fine, from text such as ``32 128``; None for auto."""
    if text == "auto":
        return None
    try:
        numbers = [int(part) for part in text.split()]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1 or numbers != sorted(set(numbers)):
        raise InputError(f"--anchors '{text}': expected auto or whole numbers that grow, e.g. '32' or '32 128'.")
    return numbers


def write_results(particles, learned, mask, focus, settings, run):
    """Write latents, motions, GMMs and figures; gives the results for run.json."""
    latent, error, motion = (
        by_particle(particles, Halves(*(getattr(half, name) for half in learned)))
        for name in ("latent", "latent_error", "motion")
    )
    numbers = {}
    for axis in range(settings.latent_size):
        numbers.update({f"gmmLatent{axis + 1}": latent[:, axis], f"gmmLatentError{axis + 1}": error[:, axis]})
    path = run.path("latent.star")
    columns = {**identity_columns(path, particles), **text_columns(dict(numbers, gmmMotion=motion))}
    write_star(path, [StarBlock("latent", columns)], str(declared_for(path) or ""))
    for number, half in enumerate(learned, 1):
        write_gmm(run.path(f"gmm_half_{number}.star"), half.model.gmm())
        write_arrays(
            run.path(f"latent_half_{number}.npz"),
            {"latent_of_seen": half.latent_of_seen, "seen": half.seen},
            {"radius": half.model.disc.radius},
        )
    points = points_of(mask if focus is None else mask * focus, particles.pixel_size)
    fields = [half.model.displacements_of(points, np.ones(len(points)), half.latent[:_FIELDS]) for half in learned]
    motions = [principal_motions(field, settings.latent_size) for field in fields]
    cosines, likeness = agreement(*motions)
    most = max(len(part.rms) for part in motions)
    table = {"gmmAxis": np.arange(1, most + 1.0)}
    for number, part in enumerate(motions, 1):
        table[f"gmmRmsHalf{number}"] = np.pad(part.rms, (0, most - len(part.rms)))
    table["gmmCosine"] = np.pad(cosines, (0, most - len(cosines)))
    write_curves(run.path("motions.star"), table, block="motions")
    write_training(run, learned)
    draw_latents(run.path("latent.png"), latent, motion, particles.half_set)
    return summarised(learned, motions, cosines, likeness)


def write_training(run, learned):
    """Loss of every epoch of both halves, as table and figure."""
    epochs = max(len(half.history) for half in learned)
    columns = {"gmmEpoch": np.arange(1, epochs + 1.0)}
    for number, half in enumerate(learned, 1):
        trained, held = half.history[:, 0] - half.history[:, 1], half.history[:, 2]
        for name, values in (("Training", trained), ("HeldOut", held)):
            columns[f"gmm{name}Half{number}"] = np.pad(values, (0, epochs - len(values)), mode="edge")
    write_curves(run.path("training.star"), columns, block="training")
    draw_training(run.path("training.png"), [half.history for half in learned])


def points_of(mask, pixel_size):
    """Some places (P, 3), Å from the box centre, spread over a mask (Z, Y, X)."""
    inside = np.argwhere(mask > 0.5)
    inside = inside[:: max(1, len(inside) // _POINTS)]
    return (inside[:, ::-1] - len(mask) // 2) * pixel_size


def summarised(learned, motions, cosines, likeness):
    """Results for run.json, with the verdict in words."""
    evidence = [half.evidence for half in learned]
    reproducible = bool(all(part["certain"] for part in evidence) and cosines[0] > _ALIKE)
    sizes = ", ".join(f"{part.rms[0]:.1f}" for part in motions)
    gains = ", ".join(f"{part['gain']:.2f} ± {part['gain_error']:.2f}" for part in evidence)
    verdict = (
        f"{'both halves move alike' if reproducible else 'no reproducible motion'}: leading motion {sizes} Å rms, "
        f"cosine {cosines[0]:.2f}; held-out gain {gains} per particle"
    )
    return {
        "verdict": verdict,
        "reproducible": reproducible,
        "cosines": cosines.tolist(),
        "likeness": likeness,
        "rms_motion": [part.rms.tolist() for part in motions],
        "held_out": evidence,
        "epochs": [len(half.history) for half in learned],
        "gaussians": [len(half.model.mobility) for half in learned],
    }
