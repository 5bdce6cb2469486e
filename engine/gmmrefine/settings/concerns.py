"""Settings by concern: frozen, typed values of the table's settings, which functions take as far as they need them.

A function that is given ``Masked`` settings can be called with the settings of every command that makes a mask, and sees
nothing else. A derived setting is a new object, ``changed(settings, mask=path)``.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Dict, List, Optional, Tuple, Type, TypeVar

from gmmrefine.settings import table
from gmmrefine.settings.setting import Setting

SETTINGS = {one.name: one for one in vars(table).values() if isinstance(one, Setting)}

Point = Tuple[float, float, float]


@dataclass(frozen=True)
class Settings:
    """Values of settings.

    A command that works with a setting but does not offer it names it in ``fixed``; it has its default then.
    """

    fixed: ClassVar[Tuple[str, ...]] = ()


Values = TypeVar("Values", bound=Settings)


@dataclass(frozen=True)
class Seeded(Settings):
    """Random draws."""

    seed: int = table.SEED.default


@dataclass(frozen=True)
class Threaded(Settings):
    """Threads."""

    threads: Optional[int] = table.THREADS.default


@dataclass(frozen=True)
class Computing(Seeded, Threaded):
    """Computing."""

    batch_size: int = table.BATCH_SIZE.default
    device: str = table.DEVICE.default


@dataclass(frozen=True)
class Symmetric(Settings):
    """Symmetry."""

    symmetry: str = table.SYMMETRY.default


@dataclass(frozen=True)
class HalvesDrawn(Settings):
    """Half sets."""

    split_halves: Optional[int] = table.SPLIT_HALVES.default


@dataclass(frozen=True)
class CryosparcRead(Settings):
    """cryoSPARC files."""

    alignment_class: Optional[int] = table.ALIGNMENT_CLASS.default
    flip_coordinate_y: bool = table.FLIP_COORDINATE_Y.default


@dataclass(frozen=True)
class ParticlesRead(HalvesDrawn):
    """How particles are read."""

    invert_contrast: bool = table.INVERT_CONTRAST.default
    particle_diameter: Optional[float] = table.PARTICLE_DIAMETER.default
    leave_out: str = table.LEAVE_OUT.default
    same_particle: Optional[float] = table.SAME_PARTICLE.default
    remove_duplicates: bool = table.REMOVE_DUPLICATES.default
    redraw_halves: Optional[int] = table.REDRAW_HALVES.default
    target_pixel_size: Optional[float] = table.TARGET_PIXEL_SIZE.default
    target_box: Optional[int] = table.TARGET_BOX.default


@dataclass(frozen=True)
class Watched(Settings):
    """Whether images are still the same."""

    verify: bool = table.VERIFY.default


@dataclass(frozen=True)
class Mapped(ParticlesRead, Watched):
    """How maps are made of particles."""

    weight_by_scale: bool = table.WEIGHT_BY_SCALE.default
    weight_by_pose_error: bool = table.WEIGHT_BY_POSE_ERROR.default


@dataclass(frozen=True)
class Masked(Settings):
    """The molecule's mask."""

    mask: Optional[str] = table.MASK.default
    mask_resolution: float = table.MASK_RESOLUTION.default
    mask_edge: float = table.MASK_EDGE.default


@dataclass(frozen=True)
class Thresholded(Settings):
    """Resolution by FSC."""

    fsc_threshold: float = table.FSC_THRESHOLD.default


@dataclass(frozen=True)
class Compared(Thresholded, Masked):
    """FSC and mask."""


@dataclass(frozen=True)
class Placed(Settings):
    """Where the map lies to a model.

    Parameters
    ----------
    model_origin, focus_model_origin : (3,) float, optional
        x, y, z in Å of the map's first voxel in the frame of a model, once it is found.
    """

    place_from: str = table.PLACE_FROM.default
    first_voxel: Optional[str] = table.FIRST_VOXEL.default
    model_origin: Optional[Point] = None
    focus_model_origin: Optional[Point] = None


@dataclass(frozen=True)
class Fitted(Placed):
    """Gaussians.

    Parameters
    ----------
    spacing : float, optional
        Of Gaussians, in units of the resolution, once a refinement has tried what agrees best.
    """

    gaussians: str = table.GAUSSIANS.default
    model: Optional[str] = table.MODEL.default
    fit_evaluations: int = table.FIT_EVALUATIONS.default
    spacing: Optional[float] = None


@dataclass(frozen=True)
class Iterated(Settings):
    """Iterations."""

    iterations: int = table.ITERATIONS.default


@dataclass(frozen=True)
class Limited(Settings):
    """Signal used for poses."""

    initial_resolution: Optional[float] = table.INITIAL_RESOLUTION.default
    max_resolution: Optional[float] = table.MAX_RESOLUTION.default


@dataclass(frozen=True)
class Region(Settings):
    """The region to focus on."""

    focus_mask: Optional[str] = table.FOCUS_MASK.default
    focus_sphere: Optional[str] = table.FOCUS_SPHERE.default
    focus_model: Optional[str] = table.FOCUS_MODEL.default
    focus_selection: Optional[str] = table.FOCUS_SELECTION.default


@dataclass(frozen=True)
class EdgeMade(Settings):
    """Soft edges of regions."""

    focus_edge: float = table.FOCUS_EDGE.default


@dataclass(frozen=True)
class Rest(Settings):
    """What a region moves against."""

    focus_rest: str = table.FOCUS_REST.default
    focus_level: float = table.FOCUS_LEVEL.default


@dataclass(frozen=True)
class Focused(Region, Rest, EdgeMade):
    """Focus."""


@dataclass(frozen=True)
class Pinned(Settings):
    """Exchanges of an earlier run."""

    pin_exchanges: Optional[str] = table.PIN_EXCHANGES.default


@dataclass(frozen=True)
class Posed(Settings):
    """How poses are refined."""

    optimizer: str = table.OPTIMIZER.default
    loss: str = table.LOSS.default
    projector: str = table.PROJECTOR.default
    march: str = table.MARCH.default
    prior_rotation: Optional[float] = table.PRIOR_ROTATION.default
    prior_shift: Optional[float] = table.PRIOR_SHIFT.default
    adam_steps: int = table.ADAM_STEPS.default
    learning_rate: float = table.LEARNING_RATE.default


@dataclass(frozen=True)
class Patched(Settings):
    """Patches."""

    patches: str = table.PATCHES.default
    patch_iterations: int = table.PATCH_ITERATIONS.default
    patch_mode: str = table.PATCH_MODE.default
    only: Optional[str] = table.ONLY.default


@dataclass(frozen=True)
class Joined(Settings):
    """How parts are joined."""

    composite_weights: str = table.COMPOSITE_WEIGHTS.default


@dataclass(frozen=True)
class Learned(Settings):
    """Conformations."""

    latent_size: int = table.LATENT_SIZE.default
    anchors: str = table.ANCHORS.default
    target_resolution: float = table.TARGET_RESOLUTION.default
    epochs: int = table.EPOCHS.default
    training_rate: float = table.TRAINING_RATE.default
    training_batch: int = table.TRAINING_BATCH.default


@dataclass(frozen=True)
class Scored(Settings):
    """Q-scores."""

    sigma: str = table.SIGMA.default


@dataclass(frozen=True)
class ExpectedAt(Settings):
    """The resolution that scores are held against."""

    map_resolution: Optional[float] = table.MAP_RESOLUTION.default


@dataclass(frozen=True)
class Local(Settings):
    """Local comparison."""

    local_window: float = table.LOCAL_WINDOW.default


def _concerns(values: Type[Settings]) -> List[Type[Settings]]:
    """A class and those it is made of, in order."""
    return [one for one in values.__mro__ if issubclass(one, Settings)]


def _own(values: Type[Settings]) -> List[str]:
    """Names of the values that a class adds to those it is made of."""
    inherited = {field.name for base in values.__bases__ if issubclass(base, Settings) for field in fields(base)}
    return [field.name for field in fields(values) if field.name not in inherited]


def settings_of(values: Type[Settings]) -> Tuple[Setting, ...]:
    """The settings of a class, in the order of its concerns; what a run derives from them is none."""
    names = (name for one in _concerns(values) for name in _own(one))
    return tuple(dict.fromkeys(SETTINGS[name] for name in names if name in SETTINGS and name not in values.fixed))


def groups_of(values: Type[Settings]) -> Tuple[Tuple[str, Tuple[Setting, ...]], ...]:
    """The settings of a class by concern: title and settings of each, in order."""
    by_name = {one.name: one for one in settings_of(values)}
    groups = (
        ((one.__doc__ or "").splitlines()[0].rstrip("."), tuple(by_name[name] for name in _own(one) if name in by_name))
        for one in _concerns(values)
    )
    return tuple((title, settings) for title, settings in groups if settings)


def names_of(values: Type[Settings]) -> Tuple[str, ...]:
    """Names of the settings of a class."""
    return tuple(setting.name for setting in settings_of(values))


def values_of(settings: Settings) -> Dict[str, Any]:
    """Values by name of the settings that a user gives."""
    return {name: getattr(settings, name) for name in names_of(type(settings))}


def changed(settings: Values, **changes: Any) -> Values:
    """Settings with other values, a new object; unknown names are a TypeError."""
    return replace(settings, **changes)


def taken_as(values: Type[Values], settings: Settings, **changes: Any) -> Values:
    """Settings of a kind with the values that other settings have for them, else their defaults.

    Parameters
    ----------
    values : type
    settings : Settings
    changes : object
        Values by name, before those of ``settings``.
    """
    shared = {field.name for field in fields(values)} & {field.name for field in fields(settings)}
    return values(**{**{name: getattr(settings, name) for name in shared}, **changes})
