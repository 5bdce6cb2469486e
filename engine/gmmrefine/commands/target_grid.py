"""The one grid on which a command sees images of all optics groups."""

from gmmrefine.errors import InputError
from gmmrefine.particles.optics import common_box, common_grid
from gmmrefine.settings import (
    INITIAL_RESOLUTION,
    MAX_RESOLUTION,
    TARGET_BOX,
    TARGET_PIXEL_SIZE,
    TARGET_RESOLUTION,
    is_beyond_nyquist,
)

_SMALLEST_BOX = 16
_ASKED = (MAX_RESOLUTION, INITIAL_RESOLUTION, TARGET_RESOLUTION)


def on_target_grid(particles, settings):
    """Particles seen on the grid that the settings name, or on the coarsest that holds the resolution they ask for.

    Parameters
    ----------
    particles : ParticleSet
    settings : ParticlesRead
        And any of the settings that ask for a resolution.

    Returns
    -------
    tuple
        ParticleSet, and list of str with what was done to whom.

    Raises
    ------
    InputError
        A grid that loses the resolution asked for, adds nothing to the images, or is none.
    """
    if particles.optics is None:
        particles = particles.on_grid(particles.box_size, particles.pixel_size)
    groups = particles.optics.used()
    pixel_size, box_size = settings.target_pixel_size, settings.target_box
    asked = [(getattr(settings, one.name), one.option) for one in _ASKED if getattr(settings, one.name, None)]
    finest = min(asked, default=(0, ""))
    if pixel_size:
        _check_pixel_size(pixel_size, groups, *finest)
        usual = common_box(groups, pixel_size)
    else:
        usual, pixel_size = common_grid(groups, finest[0])
    if box_size:
        _check_box(box_size)
    particles = particles.on_grid(box_size or usual, pixel_size)
    return particles, _notes(particles, groups)


def _check_pixel_size(pixel_size, groups, resolution, option):
    if is_beyond_nyquist(resolution, pixel_size):
        raise InputError(
            f"{TARGET_PIXEL_SIZE.option} {pixel_size:g} Å/px holds nothing finer than {2 * pixel_size:g} Å, but {option} asks "
            f"for {resolution:g} Å. Give at most {resolution / 2:g} Å/px, or ask for less."
        )
    finest = min(group.pixel_size for group in groups)
    if pixel_size < finest and not any(group.has_pixel(pixel_size) for group in groups):
        raise InputError(
            f"{TARGET_PIXEL_SIZE.option} {pixel_size:g} Å/px is finer than all images ({finest:g} Å/px) and would add nothing. "
            f"Give {finest:g} Å/px or more."
        )


def _check_box(box_size):
    if box_size % 2 or box_size < _SMALLEST_BOX:
        raise InputError(
            f"{TARGET_BOX.option} {box_size}: expected an even number of at least {_SMALLEST_BOX} px. Give "
            f"{max(_SMALLEST_BOX, box_size + box_size % 2)}."
        )


def _notes(particles, groups):
    box_size, pixel_size = particles.box_size, particles.pixel_size
    if all(group.box_size == box_size and group.has_pixel(pixel_size) for group in groups):
        return []
    notes = [f"images of {particles.optics.grids_text()} are brought to {box_size} px of {pixel_size:g} Å"]
    finest = min(group.pixel_size for group in groups)
    if finest < pixel_size and not any(group.has_pixel(pixel_size) and group.pixel_size == finest for group in groups):
        notes.append(
            f"detail finer than {2 * pixel_size:g} Å is left out; {TARGET_PIXEL_SIZE.option} {finest:g} keeps it "
            f"(to {2 * finest:g} Å)"
        )
    longest = max(group.length for group in groups)
    if box_size * pixel_size < longest - pixel_size:
        notes.append(f"images up to {longest:.0f} Å wide are cropped to {box_size * pixel_size:.0f} Å")
    return notes
