"""Particles as the computing commands take them: complete, on one grid, with half sets."""

from dataclasses import replace
from pathlib import Path

from gmmrefine.errors import InputError
from gmmrefine.settings import changed

_OF_CRYOSPARC = (".cs", ".csg")


def understand_symmetry(path, settings):
    """Settings whose symmetry is meant as the program means it that wrote a file of particles.

    Parameters
    ----------
    path : str
    settings : Symmetric

    Returns
    -------
    tuple
        The settings, and what a user should know about it, list of str.
    """
    from gmmrefine.geometry.symmetry import cryosparc_name, point_group_name

    given = point_group_name(settings.symmetry)
    if Path(path).suffix.lower() not in _OF_CRYOSPARC or settings.symmetry.strip().upper() != given:
        return settings, []  # Dxn is meant as it stands
    meant = cryosparc_name(given)
    if meant == given:
        return changed(settings, symmetry=given), []
    return changed(settings, symmetry=meant), [
        f"{given} is meant as in cryoSPARC, a two-fold axis along y ({meant}); write Dx{given[1:]} for one along x"
    ]


def read_for_computing(path, settings, images_by_mask=None):
    """Read particles, look at every stack, choose their grid, check that the mask fits it.

    Parameters
    ----------
    path : str
    settings : ParticlesRead, Masked and Symmetric
    images_by_mask : str, optional
        The mask outside of which images are measured, '' for none; what follows a run reads them as that did. By default the
        mask of the settings, or that of the run whose exchanges are pinned.

    Returns
    -------
    tuple
        ParticleSet, the settings as they are meant for it, list of str with what a user should know.
    """
    from gmmrefine.commands.target_grid import on_target_grid
    from gmmrefine.geometry.symmetry import point_group
    from gmmrefine.io.aberrations import particle_warnings
    from gmmrefine.io.atoms import read_atoms
    from gmmrefine.io.mrc import read_mask
    from gmmrefine.io.particles_file import read_particle_set
    from gmmrefine.maps.mask import enclosing_diameter
    from gmmrefine.particles.particle_set import split_half_sets
    from gmmrefine.particles.symmetry import counted, particle_count, refuse_expanded

    settings, notes = understand_symmetry(path, settings)
    operators = point_group(settings.symmetry)
    distance = settings.same_particle or 0.1 * (settings.particle_diameter or 0)
    particles = read_particle_set(path, settings.split_halves, distance=distance)
    particles, chosen = _by_particle(particles, distance, settings)
    try:
        split_half_sets(particles)
        if len(operators) > 1:
            refuse_expanded(particles, f"Leave out --symmetry {settings.symmetry}: the copies stand for it already.")
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    particles, grid_notes = on_target_grid(particles, settings)
    if settings.mask:
        read_mask(settings.mask, particles.box_size, particles.pixel_size)  # refuses what does not fit
    diameter = settings.particle_diameter or 0.0
    by_mask = _images_by_mask(settings) if images_by_mask is None else images_by_mask
    if by_mask and not diameter:
        diameter = enclosing_diameter(read_mask(by_mask, particles.box_size, particles.pixel_size), particles.pixel_size)
    particles = replace(particles, diameter=diameter)
    model = getattr(settings, "model", None)
    if model:
        read_atoms(model)  # refuses what is no model
    notes += [*chosen, *grid_notes, *particle_warnings(particles)]
    if particle_count(particles) < len(particles):
        notes = [f"{counted(particles)}: a particle counts once, whatever the number of its images", *notes]
    return particles, settings, [f"note: {text}" for text in notes]


def _images_by_mask(settings):
    """The mask given, here or to the run whose exchanges are pinned; '' for none."""
    from gmmrefine.runs.earlier_run import mask_given_to

    return settings.mask or mask_given_to(getattr(settings, "pin_exchanges", None))


def _by_particle(particles, distance, settings):
    """The particles without repeats and with new half sets where that was asked for, and what was done, list of str."""
    from gmmrefine.io.identity import repeats
    from gmmrefine.particles.particle_set import draw_half_sets

    notes = []
    if settings.remove_duplicates:
        repeated = repeats(particles, distance)
        notes.append(f"{repeated.sum()} of {len(particles)} images left out: they show particles again")
        particles = particles.subset(~repeated)
    if settings.redraw_halves:
        particles = draw_half_sets(particles, settings.redraw_halves)
        notes.append(
            "half sets were drawn anew; the poses have seen the old ones, so that resolutions may be too good until all "
            "poses are refined anew from a low-passed start"
        )
    return particles, notes
