"""Particles as the computing commands take them: complete, on one grid, with half sets."""
from dataclasses import replace
from pathlib import Path

from gmmrefine.commands.options import refuse_missing
from gmmrefine.errors import InputError

_OF_CRYOSPARC = (".cs", ".csg")


def understand_symmetry(args):
    """Take ``args.symmetry`` as the program means it that wrote ``args.particles``.

    Returns
    -------
    list of str
        What a user should know about it.
    """
    from gmmrefine.geometry.symmetry import cryosparc_name, point_group_name

    given = point_group_name(args.symmetry)
    if Path(args.particles).suffix.lower() not in _OF_CRYOSPARC or args.symmetry.strip().upper() != given:
        return []  # Dxn is meant as it stands
    args.symmetry = cryosparc_name(given)
    if args.symmetry == given:
        return []
    return [f"{given} is meant as in cryoSPARC, a two-fold axis along y ({args.symmetry}); write Dx{given[1:]} for one along x"]


def read_for_computing(args):
    """Read the particles named on the command line, look at every stack, choose their grid, check that the mask fits it.

    Returns
    -------
    tuple
        ParticleSet, list of str with what a user should know about them.
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

    notes = understand_symmetry(args)
    operators = point_group(args.symmetry)
    distance = args.same_particle or 0.1 * args.particle_diameter
    particles = read_particle_set(args.particles, args.split_halves, distance=distance)
    particles, chosen = _by_particle(particles, distance, args)
    try:
        split_half_sets(particles)
        if len(operators) > 1:
            refuse_expanded(particles, f"Leave out --symmetry {args.symmetry}: the copies stand for it already.")
    except InputError as error:
        raise InputError(f"{args.particles}: {error}") from error
    particles, grid_notes = on_target_grid(particles, args)
    if args.mask:
        read_mask(args.mask, particles.box_size, particles.pixel_size)  # refuses what does not fit
    diameter, by_mask = args.particle_diameter, _images_by_mask(args)
    if by_mask and not diameter:
        diameter = enclosing_diameter(read_mask(by_mask, particles.box_size, particles.pixel_size), particles.pixel_size)
    particles = replace(particles, diameter=diameter)
    if getattr(args, "model", ""):
        refuse_missing([args.model])
        read_atoms(args.model)  # refuses what is no model
    notes += [*chosen, *grid_notes, *particle_warnings(particles)]
    if particle_count(particles) < len(particles):
        notes = [f"{counted(particles)}: a particle counts once, whatever the number of its images", *notes]
    return particles, [f"note: {text}" for text in notes]


def _images_by_mask(args):
    """The mask outside of which images are measured; empty for none. What follows a run reads them as that did."""
    from gmmrefine.pipelines.earlier_run import mask_given_to

    if hasattr(args, "images_by_mask"):
        return args.images_by_mask
    return args.mask or mask_given_to(getattr(args, "pin_exchanges", ""))


def _by_particle(particles, distance, args):
    """The particles without repeats and with new half sets where that was asked for, and what was done, list of str."""
    from gmmrefine.io.identity import repeats
    from gmmrefine.particles.particle_set import draw_half_sets

    notes = []
    if args.remove_duplicates:
        repeated = repeats(particles, distance)
        notes.append(f"{repeated.sum()} of {len(particles)} images left out: they show particles again")
        particles = particles.subset(~repeated)
    if args.redraw_halves:
        particles = draw_half_sets(particles, args.redraw_halves)
        notes.append(
            "half sets were drawn anew; the poses have seen the old ones, so that resolutions may be too good until all "
            "poses are refined anew from a low-passed start")
    return particles, notes
