"""The settings of each command; its help, the Scipion forms and run.json list them in this order."""

from dataclasses import dataclass
from typing import Optional

from gmmrefine.settings import table
from gmmrefine.settings.concerns import (
    Compared,
    Computing,
    CryosparcRead,
    EdgeMade,
    ExpectedAt,
    Fitted,
    Focused,
    HalvesDrawn,
    Iterated,
    Joined,
    Learned,
    Limited,
    Local,
    Mapped,
    Masked,
    Patched,
    Pinned,
    Placed,
    Posed,
    Region,
    Rest,
    Scored,
    Seeded,
    Settings,
    Symmetric,
    Threaded,
    Thresholded,
)


@dataclass(frozen=True)
class ImportSettings(HalvesDrawn, CryosparcRead):
    """Particles of other programs."""

    passthrough: Optional[str] = table.PASSTHROUGH.default


@dataclass(frozen=True)
class ExportSettings(Settings):
    """Particles for other programs."""

    flip_coordinate_y: bool = table.FLIP_COORDINATE_Y.default


@dataclass(frozen=True)
class SimulateSettings(Symmetric, Computing):
    """Images."""

    particles: int = table.SIMULATED_PARTICLES.default
    box: int = table.SIMULATED_BOX.default
    pixel_size: float = table.SIMULATED_PIXEL_SIZE.default
    snr: float = table.SNR.default
    pose_error: float = table.POSE_ERROR.default
    shift_error: float = table.SHIFT_ERROR.default
    end_model: Optional[str] = table.END_MODEL.default
    swing: Optional[str] = table.SWING.default
    moving_copies: str = table.MOVING_COPIES.default
    beam_tilt: Optional[str] = table.BEAM_TILT.default
    trefoil: Optional[str] = table.TREFOIL.default
    tetrafoil: Optional[str] = table.TETRAFOIL.default
    magnification_matrix: Optional[str] = table.MAGNIFICATION_MATRIX.default


@dataclass(frozen=True)
class ReconstructSettings(Symmetric, Compared, Mapped, Computing):
    """Maps of particles."""


@dataclass(frozen=True)
class FscSettings(Thresholded, Seeded, Threaded):
    """Two maps."""

    mask: Optional[str] = table.MASK.default
    make_mask: bool = table.MAKE_MASK.default
    truth: bool = table.TRUTH.default


@dataclass(frozen=True)
class BuildSettings(Fitted, Masked, Computing):
    """The map."""

    resolution: Optional[float] = table.RESOLUTION.default
    threshold: Optional[float] = table.THRESHOLD.default


@dataclass(frozen=True)
class RefineSettings(Symmetric, Iterated, Limited, Fitted, Compared, Mapped, Focused, Posed, Pinned, Computing):
    """Refinement of poses."""


@dataclass(frozen=True)
class PatchesSettings(Patched, Joined, Limited, Fitted, Compared, Mapped, Rest, EdgeMade, Posed, Pinned, Symmetric, Computing):
    """Refinement patch by patch."""

    fixed = ("symmetry", "initial_resolution")  # of a symmetric molecule the particles are expanded first


@dataclass(frozen=True)
class HeterogeneitySettings(Learned, Fitted, Compared, Mapped, Region, EdgeMade, Pinned, Symmetric, Limited, Computing):
    """Learning of conformations."""

    fixed = ("symmetry", "initial_resolution", "max_resolution", "weight_by_scale", "weight_by_pose_error")


@dataclass(frozen=True)
class ConformationsSettings(Thresholded, Placed, Computing):
    """Conformations."""

    axis: int = table.AXIS.default
    frames: int = table.FRAMES.default
    through: Optional[str] = table.THROUGH.default
    at_points: bool = table.AT_POINTS.default
    half: str = table.HALF.default
    subsets: int = table.SUBSETS.default


@dataclass(frozen=True)
class ConversionSettings(Iterated, Limited, Fitted, Compared, Mapped, Region, EdgeMade, Pinned, Symmetric, Computing):
    """Conformations as poses."""

    fixed = ("symmetry", "initial_resolution")

    motions: Optional[str] = table.MOTION_TABLE.default


@dataclass(frozen=True)
class CompositeSettings(Joined, Compared, Computing):
    """Parts joined to one map."""

    background: Optional[str] = table.BACKGROUND.default


@dataclass(frozen=True)
class ExpandSettings(Symmetric, Computing):
    """Copies of symmetric particles."""


@dataclass(frozen=True)
class ImposeSettings(Symmetric, Thresholded, Seeded, Threaded):
    """Maps averaged over copies."""


@dataclass(frozen=True)
class LocalResolutionSettings(Local, Compared, Seeded, Threaded):
    """Local resolution."""


@dataclass(frozen=True)
class LocalFilterSettings(Threaded):
    """Local low-pass."""

    local_resolution: Optional[str] = table.RESOLUTION_MAP.default


@dataclass(frozen=True)
class SharpenSettings(Placed, Masked, Threaded):
    """Sharpening."""

    sharpening: str = table.SHARPENING.default
    local_resolution: Optional[str] = table.RESOLUTION_MAP.default
    low_pass: Optional[float] = table.LOW_PASS.default
    b_factor: Optional[float] = table.B_FACTOR.default
    guinier_from: float = table.GUINIER_FROM.default
    reference_model: Optional[str] = table.REFERENCE_MODEL.default
    model_resolution: float = table.MODEL_RESOLUTION.default
    amplitude_window: float = table.AMPLITUDE_WINDOW.default


@dataclass(frozen=True)
class ModifySettings(Local, Compared, Scored, Placed, Seeded, Threaded):
    """Density modification."""

    smearing: str = table.SMEARING.default
    known_rotation_error: Optional[float] = table.KNOWN_ROTATION_ERROR.default
    known_shift_error: Optional[float] = table.KNOWN_SHIFT_ERROR.default


@dataclass(frozen=True)
class QscoreSettings(Scored, ExpectedAt, Placed, Threaded):
    """Q-scores."""


@dataclass(frozen=True)
class AuditSettings(Scored, ExpectedAt, Placed, Seeded, Threaded):
    """Audit of modified maps."""

    grids: str = table.GRIDS.default


@dataclass(frozen=True)
class ControlsSettings(Computing):
    """Controls of a finished run."""

    controls: str = table.CONTROL_NAMES.default
    control_images: int = table.CONTROL_IMAGES.default


@dataclass(frozen=True)
class RerunSettings(Settings):
    """A run repeated from its record."""

    any_version: bool = table.ANY_VERSION.default


@dataclass(frozen=True)
class SelftestSettings(Settings):
    """The whole installation tried."""

    threads: Optional[int] = table.THREADS.default
    device: str = table.DEVICE.default
