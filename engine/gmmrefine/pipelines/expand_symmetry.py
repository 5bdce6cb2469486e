"""Whether particles have the symmetry that they are about to be expanded by."""

from gmmrefine.errors import InputError
from gmmrefine.io.stacks import check_stacks
from gmmrefine.particles.particle_set import draw_half_sets, split_half_sets
from gmmrefine.pipelines.reconstruct import symmetry_agreement
from gmmrefine.settings import ReconstructSettings, taken_as


def measured_symmetry(particles, settings, progress):
    """How well the map at the particles' poses has a symmetry, for run.json; said where the images cannot be read.

    Parameters
    ----------
    particles : ParticleSet
    settings : object
        ``symmetry`` and computing settings.
    progress : Progress

    Raises
    ------
    InputError
        The map clearly does not have the symmetry.
    """
    try:
        check_stacks(particles)
        halves = _any_halves(particles)
    except InputError as error:
        progress.say(f"note: it was not measured whether the map has {settings.symmetry.upper()}: {error}")
        return {"symmetry_agreement": None}
    # the sign of both half maps does not matter to how they correlate
    return symmetry_agreement(halves, taken_as(ReconstructSettings, settings), progress)


def _any_halves(particles):
    """The half sets, or any two where there are none: the maps are compared and not kept."""
    if particles.half_set.any():
        return split_half_sets(particles)
    return split_half_sets(draw_half_sets(particles, 1))
