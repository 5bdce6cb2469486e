"""Settings of Gaussians, poses, regions and patches."""

from gmmrefine.settings.kinds import Folder, MaskFile, ModelFile, RecordFile
from gmmrefine.settings.setting import Setting

GAUSSIANS = Setting(
    "gaussians",
    "auto",
    str,
    "Number of Gaussians, or auto: from the volume of the molecule and the resolution; a refinement "
    "tries how close they should lie, by the map that they were not fitted to.",
    label="Number of Gaussians",
)
MODEL = Setting(
    "model",
    None,
    ModelFile,
    "Atomic model (mmCIF or PDB) to start from: one Gaussian per non-hydrogen atom, coordinates "
    "randomised at the resolution so that the model cannot bias the halves.",
    label="Start from atomic model",
)
FIT_EVALUATIONS = Setting(
    "fit_evaluations",
    30,
    int,
    "Evaluations of the map agreement when the Gaussians are fitted, at most: a fit ends where it "
    "converges. More of them follow the noise of a half map.",
    advanced=True,
    minimum=1,
    label="Evaluations of the Gaussian fit",
)
PLACE_FROM = Setting(
    "place_from",
    "auto",
    str,
    "How the map lies to the atomic model. auto: tries the places below and takes the one where the "
    "atoms lie in density; the log says which. header: as viewers show it (ORIGIN, else nstart; maps of particles: "
    "first voxel at 0). nstart: "
    "nxstart nystart nzstart. given: as first_voxel says, or Scipion's origin of a volume. corner: first voxel at 0. center: "
    "box centre at 0.",
    choices=("auto", "header", "nstart", "given", "corner", "center"),
    label="Place of the map from",
)
FIRST_VOXEL = Setting(
    "first_voxel",
    None,
    str,
    "Place of the first voxel in the model's frame, 'x y z' in Å, when no header tells; auto tries "
    "it first. Of several maps one for all, or one each, parted by semicolons.",
    advanced=True,
    label="First voxel: x y z (Å)",
)

RESOLUTION = Setting(
    "resolution",
    None,
    float,
    "Resolution up to which the GMM follows the map; none takes 3 pixels.",
    "Å",
    minimum=0,
    label="Resolution of the model",
)
THRESHOLD = Setting(
    "threshold",
    None,
    float,
    "Density above which voxels seed Gaussians; none finds it from the map.",
    advanced=True,
    label="Density that holds Gaussians",
)

ITERATIONS = Setting("iterations", 5, int, "Refinement iterations; the run stops earlier when nothing improves.", minimum=1)
INITIAL_RESOLUTION = Setting(
    "initial_resolution",
    None,
    float,
    "Starting low-pass: the first iteration uses no signal beyond it. none uses the measured FSC of the start poses.",
    "Å",
    minimum=0,
    label="Start from resolution",
)
MAX_RESOLUTION = Setting(
    "max_resolution",
    None,
    float,
    "Never use signal beyond this resolution for poses; none goes as far as the FSC.",
    "Å",
    minimum=0,
    label="Finest resolution for poses",
)
OPTIMIZER = Setting(
    "optimizer",
    "fisher",
    str,
    "fisher: damped Gauss-Newton steps. adam: the scheme of Chen et al. 2023, for comparison.",
    choices=("fisher", "adam"),
    advanced=True,
    label="How poses are improved",
)
LOSS = Setting(
    "loss",
    "likelihood",
    str,
    "likelihood: CTF included, shells weighted by signal-to-noise. frc: equal weight per "
    "Fourier ring, CTF phases only (Chen et al. 2023).",
    choices=("likelihood", "frc"),
    advanced=True,
    label="What images are compared by",
)
PROJECTOR = Setting(
    "projector",
    "slice",
    str,
    "slice: cut from the exact 3-D Fourier volume of the GMM (error below 0.2 %). "
    "exact: sum over Gaussians for every image, slower; adam always uses it.",
    choices=("slice", "exact"),
    advanced=True,
    label="How the model is projected",
)
MARCH = Setting(
    "march",
    "0.2 0.3 0.5 1.0",
    str,
    "Frequency marching: radii at which poses are improved in turn, as fractions of "
    "the resolution reached; one step each, so a radius given twice takes two.",
    advanced=True,
    label="Radii of frequency marching",
)
PRIOR_ROTATION = Setting(
    "prior_rotation",
    None,
    float,
    "Expected rms error of the start rotations; none estimates it from the particles of each half.",
    "degrees",
    advanced=True,
    minimum=0,
    label="Expected rotation error",
)
PRIOR_SHIFT = Setting(
    "prior_shift",
    None,
    float,
    "Expected rms error of the start shifts; none estimates it from the particles of each half.",
    "Å",
    advanced=True,
    minimum=0,
    label="Expected shift error",
)
ADAM_STEPS = Setting(
    "adam_steps", 10, int, "Steps per particle of the adam optimizer.", advanced=True, minimum=1, label="Steps of adam"
)
LEARNING_RATE = Setting(
    "learning_rate",
    1e-3,
    float,
    "Step size of the adam optimizer, in radians and fractions of the box.",
    advanced=True,
    minimum=1e-8,
    label="Step size of adam",
)
FOCUS_MASK = Setting(
    "focus_mask",
    None,
    MaskFile,
    "Soft mask (values 0 to 1) of the region to focus on, on the grid of the particles: the poses follow the features inside.",
    label="Focus mask",
)
FOCUS_SPHERE = Setting(
    "focus_sphere",
    None,
    str,
    "Region to focus on as a sphere: x y z of its centre and its radius in Å, in the frame of the map "
    "as a viewer shows it (first voxel at 0).",
    label="Focus sphere: x y z radius (Å)",
)
FOCUS_MODEL = Setting(
    "focus_model",
    None,
    ModelFile,
    "Atomic model (mmCIF or PDB) fitted into the map, to focus on the part named by the focus selection.",
    label="Focus on part of an atomic model",
)
FOCUS_SELECTION = Setting(
    "focus_selection",
    None,
    str,
    "Part of the focus model, e.g. 'chain A and 1-200', 'chain A,B', 'residue ATP,MG' or "
    "'chain A and 1-200 or chain C'. none takes all of the model.",
    label="Selection",
)
FOCUS_LEVEL = Setting(
    "focus_level",
    0.25,
    float,
    "With a rest that moves: widths of Gaussians outside the focus are divided by this, those on "
    "the mask's edge by level + (1 - level) M. 0.25 is that of Chen et al. 2023; 1 switches the focus off.",
    advanced=True,
    minimum=0.05,
    maximum=1,
    label="Focus on the region, 0.05 to 1",
)
FOCUS_REST = Setting(
    "focus_rest",
    "fixed",
    str,
    "What the rest of the molecule does while the region is aligned. fixed: it stays at the start "
    "poses, where its projection is taken from the images. moves: it moves along, widened (Chen et al. 2023), and holds "
    "back a region that moves far.",
    choices=("fixed", "moves"),
    label="Rest of the molecule",
)
FOCUS_EDGE = Setting(
    "focus_edge",
    5.0,
    float,
    "Soft edge of a focus mask or patch made here.",
    "px",
    advanced=True,
    minimum=0,
    label="Soft edge of the region",
)

PIN_EXCHANGES = Setting(
    "pin_exchanges",
    None,
    RecordFile,
    "run.json of an earlier run whose FSC curves and masks are used instead of measured ones, so "
    "that one half can be repeated without the other.",
    advanced=True,
    label="FSC and masks of an earlier run",
)
PATCHES = Setting(
    "patches",
    "8",
    str,
    "Number of patches, K-means clusters of the Gaussians; or auto: regions that the particles show to move rigidly together.",
    label="Number of patches",
)
PATCH_ITERATIONS = Setting(
    "patch_iterations", 3, int, "Focused iterations of every patch.", minimum=1, label="Iterations of every patch"
)
PATCH_MODE = Setting(
    "patch_mode",
    "together",
    str,
    "together: all patches in one pass over the images, each with the others taken from the "
    "images where they are in that particle; needs the memory of all references. apart: one focused refinement after the "
    "other, each to be continued, repeated or run elsewhere by itself.",
    choices=("together", "apart"),
    label="Patches are refined",
)
ONLY = Setting(
    "only",
    None,
    str,
    "Part of the work, for queues and several GPUs: geometry (maps and patches), a patch number, or composite. none does all.",
    advanced=True,
)
COMPOSITE_WEIGHTS = Setting(
    "composite_weights",
    "mask",
    str,
    "How the parts of a composite are averaged. mask: by their soft masks (Chen et al. "
    "2023). snr: by mask times local signal-to-noise of the half maps, which favours the better part where two overlap.",
    choices=("mask", "snr"),
    label="Weights of the parts",
)
BACKGROUND = Setting(
    "background",
    None,
    Folder,
    "Folder whose half maps (half_map_1.mrc, half_map_2.mrc) a composite shows outside all masks, "
    "e.g. the global refinement. none shows the mean of the parts there.",
    label="Background",
)


CONTROL_NAMES = Setting(
    "controls",
    "all",
    str,
    "Controls to make: all, or some of noise, phases (start maps with random phases beyond their "
    "resolution), halves (shuffled at the final poses) and model (noise against the final maps).",
    label="Controls",
)
CONTROL_IMAGES = Setting(
    "control_images",
    5000,
    int,
    "Images of noise to make, at poses drawn evenly from the run's; 0 makes as many as the run had.",
    label="Images of noise",
    advanced=True,
    minimum=0,
)
