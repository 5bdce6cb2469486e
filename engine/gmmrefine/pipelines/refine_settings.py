"""Combinations of refinement settings that mean nothing, refused before anything is computed."""

from gmmrefine.errors import InputError
from gmmrefine.fourier.shells import shell_of_resolution
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.particles.symmetry import refuse_expanded
from gmmrefine.pipelines.build import check_number_of_gaussians
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.pipelines.focus import has_focus
from gmmrefine.settings import FEWEST_SHELLS, Placed, coarsest_resolution, is_beyond_nyquist, names_of, nyquist_text


def check_settings(settings, particles):
    """Refuse combinations of settings that mean nothing, and particles that a global refinement cannot take."""
    if not has_focus(settings):
        refuse_expanded(particles, "Refine the particles that the copies were made from, or focus on one unit.")
    elif len(point_group(settings.symmetry)) > 1:
        raise InputError(
            f"--symmetry {settings.symmetry} with a focus: a region of one unit has no symmetry. Expand the particles first "
            "(expand-symmetry), focus, and put the symmetry back on the result (impose-symmetry)."
        )
    check_scheme(settings)
    if has_focus(settings):
        refuse_adam_with_rest(settings)
    check_number_of_gaussians(settings.gaussians)
    refuse_ignored(
        settings,
        [
            (bool(settings.model), "--model", ("gaussians",)),
            (bool(settings.mask), "--mask", ("mask_resolution", "mask_edge")),
            (not (settings.model or settings.focus_model), "no model", names_of(Placed)),
            (not has_focus(settings), "no region to focus on", ("focus_rest", "focus_level", "focus_edge")),
            (settings.focus_rest == "fixed", "--focus-rest fixed", ("focus_level",)),
            (bool(settings.focus_mask), "--focus-mask", ("focus_edge",)),
            (bool(settings.pin_exchanges), "--pin-exchanges", ("mask", "mask_resolution", "mask_edge")),
            *useless_in_scheme(settings),
        ],
    )
    check_resolutions(settings, particles, ("initial_resolution", "max_resolution"))


def useless_in_scheme(settings):
    """Rules for ``refuse_ignored`` that come with the scheme of pose refinement."""
    return [
        (settings.optimizer == "adam", "--optimizer adam", ("march", "prior_rotation", "prior_shift", "weight_by_pose_error")),
        (settings.optimizer == "fisher", "--optimizer fisher", ("adam_steps", "learning_rate")),
    ]


def refuse_adam_with_rest(settings):
    """Refuse the paper's scheme for a region whose rest stays behind."""
    if settings.optimizer == "adam" and settings.focus_rest == "fixed":
        raise InputError(
            "--optimizer adam moves the molecule as a whole and cannot leave a rest where it is. Add --focus-rest moves."
        )


def check_scheme(settings):
    """Refuse an impossible scheme of pose refinement."""
    if (settings.optimizer == "adam") != (settings.loss == "frc"):
        raise InputError(
            f"--optimizer {settings.optimizer} with --loss {settings.loss}: these do not go together. Use fisher with "
            "likelihood (the default) or adam with frc (Chen et al. 2023)."
        )
    if bool(settings.prior_rotation) != bool(settings.prior_shift):
        raise InputError("--prior-rotation and --prior-shift must be given together, or neither to estimate both.")
    try:
        fractions = [float(text) for text in settings.march.split()]
    except ValueError:
        fractions = []
    if not fractions or min(fractions) <= 0 or max(fractions) != 1:
        raise InputError(f"--march '{settings.march}': expected fractions above 0 with 1.0 the largest, e.g. '0.4 0.7 1.0'.")


def check_resolutions(settings, particles, limits, or_none=", or none"):
    """Refuse resolutions, by the names of their settings, that the particles cannot have; ``or_none`` says how to give none."""
    for name in limits:
        value = getattr(settings, name)
        if value and is_beyond_nyquist(value, particles.pixel_size):
            raise InputError(
                f"--{name.replace('_', '-')} {value:g} Å is beyond Nyquist of the particles "
                f"({nyquist_text(particles.pixel_size)} Å). Give a larger number{or_none}."
            )
        grid = particles.box_size, particles.pixel_size
        if value and shell_of_resolution(value, *grid) < FEWEST_SHELLS:
            raise InputError(
                f"--{name.replace('_', '-')} {value:g} Å leaves fewer than {FEWEST_SHELLS} Fourier shells of the box. "
                f"Give at most {int(coarsest_resolution(*grid))} Å{or_none}."
            )
