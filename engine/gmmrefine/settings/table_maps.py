"""Settings of conformations, simulations, scores, modified maps and controls."""

from gmmrefine.settings.kinds import MapFile, ModelFile, TableFile
from gmmrefine.settings.setting import Setting

LATENT_SIZE = Setting(
    "latent_size",
    2,
    int,
    "Dimensions of the latent space: how many numbers describe a conformation.",
    label="Latent dimensions",
    minimum=1,
    maximum=16,
)
ANCHORS = Setting(
    "anchors",
    "auto",
    str,
    "Anchors that move the Gaussians, by K-means; a second, larger number adds finer ones: '32 128'. "
    "auto: 32, fewer in a small region, whose Gaussians lie closer then.",
    label="Number of anchors",
)
TARGET_RESOLUTION = Setting(
    "target_resolution",
    7.0,
    float,
    "Learn motions from signal up to this resolution; coarser where the FSC ends earlier.",
    "Å",
    minimum=1,
    label="Learn from signal up to",
)
EPOCHS = Setting(
    "epochs",
    30,
    int,
    "Times that every particle is shown in training; it ends earlier when held-out particles gain nothing.",
    minimum=1,
)
TRAINING_RATE = Setting(
    "training_rate",
    2e-3,
    float,
    "Learning rate at the start of training.",
    advanced=True,
    minimum=1e-7,
    maximum=1,
    label="Learning rate",
)
TRAINING_BATCH = Setting(
    "training_batch",
    32,
    int,
    "Particle images in one step of training. Memory grows with it times the number of Gaussians.",
    "images",
    advanced=True,
    minimum=1,
)

AXIS = Setting(
    "axis", 1, int, "Axis of the latent space, 1 for that of the largest motion.", minimum=1, label="Axis of the motion"
)
FRAMES = Setting(
    "frames",
    9,
    int,
    "Maps along the axis, from the 5th to the 95th percentile of the half's particles, or along the line through given points.",
    minimum=2,
    maximum=99,
    label="Number of frames",
)
THROUGH = Setting(
    "through",
    None,
    str,
    "Points of the latent space instead of an axis, 'z1 z2; z1 z2; ...': frames evenly along the line "
    "through them, or one map for one point.",
    label="Through latent points",
)
AT_POINTS = Setting(
    "at_points",
    False,
    bool,
    "One map for each of the points given, not evenly along the line through them.",
    advanced=True,
    label="Maps at the points themselves?",
)
HALF = Setting(
    "half",
    "both",
    str,
    "Half set whose conformations are made. A point picked in the latent space of one half means "
    "something else in that of the other.",
    choices=("both", "1", "2"),
    label="Half sets shown",
)
SUBSETS = Setting(
    "subsets",
    0,
    int,
    "Classes of equal size along the axis, each half sorted by itself, to be reconstructed; 0 makes none.",
    minimum=0,
    maximum=99,
    label="Classes along the axis",
)

MOTION_TABLE = Setting(
    "motions",
    None,
    TableFile,
    "Rigid motions of the region from elsewhere: STAR with rlnImageName, gmmTurnX Y Z (rotation vector, "
    "degrees) and gmmMoveX Y Z (Å), a point x of the neutral region going to exp(ω) x + t; or .npy (N, 6) of the same in the "
    "order of the particles. Needs a particle file in place of the folder.",
    label="Table of rigid motions",
)

SIMULATED_PARTICLES = Setting("particles", 2000, int, "Number of images.", minimum=2)
SIMULATED_BOX = Setting("box", 96, int, "Image side; even.", "px", minimum=16)
SIMULATED_PIXEL_SIZE = Setting("pixel_size", 1.8, float, "Pixel size.", "Å/px", minimum=0.1)
SNR = Setting("snr", 0.1, float, "Variance of the CTF-filtered signal over variance of the noise, whole image.", minimum=1e-6)
POSE_ERROR = Setting("pose_error", 3.0, float, "Rms rotation between start and true poses.", "degrees", minimum=0)
SHIFT_ERROR = Setting("shift_error", 2.0, float, "Rms length of the shift between start and true poses.", "Å", minimum=0)
END_MODEL = Setting(
    "end_model", None, ModelFile, "Second model with the same atoms: every particle lies somewhere on the way to it."
)
SWING = Setting(
    "swing",
    None,
    str,
    "Domains that swing about hinges, each particle at its own angle: selection, hinge if not where the "
    "domain touches the rest, and largest angle, range or list of angles in degrees, e.g. "
    "'chain A and 367-640: 8; chain A and 1208-1440 about chain A and 1204-1210: 0..20' or 'chain B: 0,15'.",
)
MOVING_COPIES = Setting(
    "moving_copies",
    "all",
    str,
    "Which copies of an oligomer take part in the motion: all, or the first while the others stay as the model is.",
    choices=("all", "one"),
)
BEAM_TILT = Setting("beam_tilt", None, str, "Beam tilt of the images, 'x y'; a real one of 0.3 blurs 2.5 Å at 300 kV.", "mrad")
TREFOIL = Setting(
    "trefoil", None, str, "Trefoil of the images, 'a b': the phase a |k|³ cos 3φ + b |k|³ sin 3φ, k in 1/Å.", "rad Å³"
)
TETRAFOIL = Setting(
    "tetrafoil",
    None,
    str,
    "Fourfold astigmatism, 'a b': a |k|⁴ cos 4φ + b |k|⁴ sin 4φ is taken from the CTF's phase, k in 1/Å.",
    "rad Å⁴",
)
MAGNIFICATION_MATRIX = Setting(
    "magnification_matrix", None, str, "Anisotropic magnification, RELION's rlnMagMat '00 01 10 11', e.g. '1.01 0 0 0.99'."
)

SIGMA = Setting(
    "sigma",
    "0.6",
    str,
    "Width of the Gaussian that an atom's density is compared with: 0.6 as published (Pintilie et al. "
    "2020), 0.4 as in reports of EMDB and wwPDB, where scores are about 0.1 lower. Scores of two widths do not compare.",
    "Å",
    choices=("0.6", "0.4"),
    label="Width of the reference Gaussian",
)
MAP_RESOLUTION = Setting(
    "map_resolution",
    None,
    float,
    "Resolution of the map, for the Q-score expected at it (to 6 Å) and for the entries of EMDB "
    "that the mean Q is compared with; none takes that of the map against the model (FSC 0.5), and expects nothing.",
    "Å",
    minimum=0,
    maximum=15,
    label="Resolution of the map",
)

GRIDS = Setting(
    "grids",
    "refuse",
    str,
    "Maps whose box, voxels or origin differ from the first map's: refuse them, or resample them on "
    "its grid by cubic splines, placed by their headers. Maps moved against the first are refused either way.",
    choices=("refuse", "resample"),
    label="Maps on another grid",
)

LOCAL_WINDOW = Setting(
    "local_window",
    1.0,
    float,
    "Width (standard deviation) of the soft window in which half maps are compared, in units of "
    "the resolution looked at. Larger is less noisy and shows less detail: 1 repeats within 8 %, 1.5 within 4 %.",
    advanced=True,
    minimum=0.5,
    maximum=5,
    label="Width of the local window",
)
SMEARING = Setting(
    "smearing",
    "auto",
    str,
    "Smearing by pose errors, which is undone as far as there is signal. auto: the errors given; else "
    "those in particles.star beside the half maps, as a refinement writes it; else what the spectrum shows, which falls faster "
    "away from the box centre. none: the map is taken as sharp.",
    choices=("auto", "none"),
    label="Smearing by pose errors",
    advanced=True,
)
KNOWN_ROTATION_ERROR = Setting(
    "known_rotation_error",
    None,
    float,
    "Rms error of the particles' rotations, about all axes together, where it is known.",
    "degrees",
    advanced=True,
    minimum=0,
    maximum=30,
    label="Known error of rotations",
)
KNOWN_SHIFT_ERROR = Setting(
    "known_shift_error",
    None,
    float,
    "Rms error of the particles' shifts in the plane of the image, where it is known.",
    "Å",
    advanced=True,
    minimum=0,
    maximum=50,
    label="Known error of shifts",
)

RESOLUTION_MAP = Setting(
    "local_resolution",
    None,
    MapFile,
    "Map of the local resolution in Å on the grid of the map, as local-resolution writes it: the "
    "result is low-passed there at every voxel.",
    label="Local resolution map",
)
LOW_PASS = Setting(
    "low_pass",
    None,
    float,
    "Resolution of the map: its amplitudes are corrected up to it and cut beyond. none when a local "
    "resolution map says so instead.",
    "Å",
    minimum=0,
    label="Resolution of the map",
)
SHARPENING = Setting(
    "sharpening",
    "b-factor",
    str,
    "b-factor: one B factor for the whole map. model-profile: radial amplitudes of an atomic "
    "model (Chen et al. 2023). local-resolution: a B factor that follows the local resolution. local-model: local amplitudes "
    "of an atomic model (LocScale's idea); fades what the model lacks. local: local amplitudes made even, without a model.",
    choices=("b-factor", "model-profile", "local-resolution", "local-model", "local"),
    label="Way of sharpening",
)
B_FACTOR = Setting(
    "b_factor",
    None,
    float,
    "B factor of the map, which is removed: positive sharpens. none measures it by a Guinier fit.",
    "Å²",
    label="B factor",
)
GUINIER_FROM = Setting(
    "guinier_from",
    10.0,
    float,
    "Coarse end of the range where amplitudes of a molecule fall by the B factor alone; coarser ones show its shape.",
    "Å",
    advanced=True,
    minimum=4,
    maximum=50,
    label="Guinier fit begins at",
)
REFERENCE_MODEL = Setting(
    "reference_model",
    None,
    ModelFile,
    "Atomic model (mmCIF or PDB) fitted to the map, whose amplitudes the map is given.",
    label="Atomic model for amplitudes",
)
MODEL_RESOLUTION = Setting(
    "model_resolution",
    2.0,
    float,
    "Resolution at which the model is simulated; 2 is that of Chen et al. 2023.",
    "Å",
    advanced=True,
    minimum=0.5,
    label="Resolution of the model's map",
)
AMPLITUDE_WINDOW = Setting(
    "amplitude_window",
    10.0,
    float,
    "Width (standard deviation) of the soft window in which local amplitudes are measured.",
    "Å",
    advanced=True,
    minimum=2,
    label="Width of the amplitude window",
)
