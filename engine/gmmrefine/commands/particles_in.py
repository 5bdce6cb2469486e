"""Particles as the computing commands take them: complete, on one grid, with half sets."""
from dataclasses import replace

from gmmrefine.errors import InputError


def read_for_computing(args):
    """Read the particles named on the command line, look at every stack, and check that the mask fits them.

    Returns
    -------
    tuple
        ParticleSet, list of str with what a user should know about them.
    """
    from gmmrefine.geometry.symmetry import point_group
    from gmmrefine.io.aberrations import particle_warnings
    from gmmrefine.io.mrc import read_mask
    from gmmrefine.io.particles_file import read_particle_set
    from gmmrefine.maps.mask import enclosing_diameter
    from gmmrefine.particles.particle_set import split_half_sets
    from gmmrefine.particles.symmetry import counted, particle_count, refuse_expanded

    operators = point_group(args.symmetry)
    particles = read_particle_set(args.particles, args.split_halves)
    try:
        split_half_sets(particles)
        if len(operators) > 1:
            refuse_expanded(particles, f"Leave out --symmetry {args.symmetry}: the copies stand for it already.")
    except InputError as error:
        raise InputError(f"{args.particles}: {error}") from error
    diameter = args.particle_diameter
    if args.mask:
        mask = read_mask(args.mask, particles.box_size, particles.pixel_size)
        diameter = diameter or enclosing_diameter(mask, particles.pixel_size)
    particles = replace(particles, diameter=diameter)
    notes = particle_warnings(particles)
    if particle_count(particles) < len(particles):
        notes = [f"{counted(particles)}: copies of a particle count once", *notes]
    return particles, [f"note: {text}" for text in notes]
