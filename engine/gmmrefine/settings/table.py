"""Every user setting once: name, default, unit and help, for the command line, the Scipion forms and the docs.

Standard library only, so that the Scipion plugin can read it without TensorFlow.
"""
from gmmrefine.settings.kinds import Folder, MapFile, MaskFile, ModelFile, RecordFile, TableFile
from gmmrefine.settings.setting import Setting

SEED = Setting("seed", 1, int, "Seed of every random draw; the same seed gives the same result on one CPU machine.", minimum=0)
BATCH_SIZE = Setting(
    "batch_size", 128, int, "Particle images that may be read in advance. Memory grows with it; results do not depend on it: "
    "sums are over chunks of 64.", "images", advanced=True, minimum=1)
THREADS = Setting("threads", None, int, "CPU threads of the engine; none takes all.", advanced=True, minimum=0)
DEVICE = Setting(
    "device", "auto", str, "Where the maths runs: auto takes a GPU when TensorFlow finds one; gpu insists on one.",
    choices=("auto", "cpu", "gpu"), advanced=True)

TAKE_OVER = Setting(
    "take_over", False, bool, "Go on in the folder of a run on another computer that has given no sign of life for "
    "ten minutes. A run that was killed on this computer is taken over without this option. A run that is alive is "
    "never taken over.")

ANY_VERSION = Setting("any_version", False, bool, "Repeat a run of another version too; its results may differ.")
SPLIT_HALVES = Setting(
    "split_halves", None, int,
    "Draw the half sets with this seed when the particles carry none. none refuses such particles: a split drawn after a "
    "joint refinement is not gold-standard.", label="Seed to draw half sets", advanced=True, minimum=0)
INVERT_CONTRAST = Setting(
    "invert_contrast", False, bool, "Multiply the images by -1, besides what the particles say about their contrast themselves "
    "(gmmContrastSign, from cryoSPARC's blob/sign). Needed when the molecule comes out dark: such a run is refused "
    "and says so.",
    label="Molecule is dark in the images?")
PARTICLE_DIAMETER = Setting(
    "particle_diameter", None, float,
    "Longest diameter of the particle: background and noise of an image are measured outside. "
    "none takes the diameter of the mask given, else 75 % of the box (half of the box where two extractions of one particle "
    "are looked for).",
    "Å", minimum=0)
SAME_PARTICLE = Setting(
    "same_particle", None, float, "Images of one micrograph whose particles lie nearer to each other show one particle, which "
    "must not be in both half sets. none: a tenth of the particle's diameter.", "Å", label="Nearer is the same particle",
    advanced=True, minimum=0)
REMOVE_DUPLICATES = Setting(
    "remove_duplicates", False, bool, "Leave out images of particles that were extracted twice; the first one is kept.",
    label="Leave out particles extracted twice?", advanced=True)
REDRAW_HALVES = Setting(
    "redraw_halves", None, int, "Draw new half sets with this seed, all images of a particle in one, whatever the file says. "
    "none keeps those of the file. The poses have seen the old half sets: resolutions may be too good until they are refined "
    "anew.",
    label="Seed to draw new half sets", advanced=True, minimum=0)
LEAVE_OUT = Setting(
    "leave_out", "none", str, "Odd images to leave out. blank: those that hold nothing. clipped: blank ones, and those with "
    "many pixels at their largest or smallest value. all: also those whose noise is more than 3 times stronger or weaker than "
    "in most of their optics group, and those with single pixels far above all others. They are counted and listed either way; "
    "unless left out, blank images count nothing and all others are brought to one scale.",
    choices=("none", "blank", "clipped", "all"), label="Images to leave out", advanced=True)
WEIGHT_BY_SCALE = Setting(
    "weight_by_scale", False, bool, "Weight every image in the map by the strength of its signal (gmmScale, which refinements "
    "estimate), as by its CTF.", label="Weight images by their strength?", advanced=True)
WEIGHT_BY_POSE_ERROR = Setting(
    "weight_by_pose_error", False, bool, "Weight fine detail of every image in the map by how well its pose is known "
    "(gmmCovariance1 to 15, of refinements).", label="Weight images by the errors of their poses?", advanced=True)
TARGET_PIXEL_SIZE = Setting(
    "target_pixel_size", None, float, "Pixel size of the grid to which the images of all optics groups are brought; maps "
    "and masks are on it too. none takes the coarsest of the groups that holds the resolution asked for.", "Å/px",
    label="Common pixel size", advanced=True, minimum=0)
TARGET_BOX = Setting(
    "target_box", None, int, "Box of that grid, even. none takes the smallest as wide as the widest images.", "px",
    label="Common box", advanced=True, minimum=0)
VERIFY = Setting(
    "verify", False, bool, "Read every byte of every image stack to see whether a run that is continued still has its images, "
    "and keep the hashes. Without it a stack whose size, times and inode are as they were counts as unchanged, and of others "
    "64 blocks are compared.", label="Verify images byte by byte?", advanced=True)

ALIGNMENT_CLASS = Setting(
    "alignment_class", None, int,
    "For cryoSPARC files with poses of several classes: take those of this class, counted from 0. "
    "none takes the poses of the one reference, or else of each particle's most probable class.", label="Take poses of class",
    advanced=True, minimum=0, none_was=-1)
PASSTHROUGH = Setting(
    "passthrough", None, TableFile, "The passthrough .cs file of the same cryoSPARC job, for columns that the particles file "
    "lacks. none finds it where it lies beside the particles file.", label="Passthrough file (.cs)", advanced=True)
FLIP_COORDINATE_Y = Setting(
    "flip_coordinate_y", False, bool, "Count y on the micrographs of cryoSPARC files from the last row of the image instead of "
    "the first. Needed where one program was given the micrographs upside down, or where pyem made the coordinates.",
    label="Flip y of coordinates?", advanced=True)

# names of point groups, in capitals
POINT_GROUP = r"C[1-9]\d?|D[XY]?[1-9]\d?|T|T222|TZ3R?|O|I[1-4]?|I222R?|IN25R?|I2N[35]R?"
SYMMETRY = Setting(
    "symmetry", "C1", str, "Point group of the molecule: Cn, Dn, T, O or I (RELION's I2), the main axis along z through the "
    "box centre. I1 to I4 are RELION's icosahedral frames; cryoSPARC's Dn, with its two-fold axis along y, is Dyn.")

FSC_THRESHOLD = Setting(
    "fsc_threshold", 0.143, float, "FSC value that defines the gold-standard resolution.", advanced=True,
    minimum=0.01, maximum=0.9,
    label="FSC threshold")
MASK = Setting(
    "mask", None, MaskFile,
    "Soft mask (values 0 to 1) of the molecule for FSC, GMM and amplitudes, on the grid of the particles or "
    "maps; refused where it lies outside the molecule. none makes one from the maps.",
    label="Mask of the molecule")
MASK_RESOLUTION = Setting(
    "mask_resolution", 15.0, float, "Low-pass of the map from which a mask is made.", "Å", advanced=True, minimum=2,
    label="Low-pass for the mask")
MASK_EDGE = Setting("mask_edge", 6.0, float, "Width of the soft edge of a mask made here.", "px", advanced=True, minimum=0,
    label="Soft edge of the mask")
MAKE_MASK = Setting(
    "make_mask", False, bool, "Compare half maps inside a mask that is made from them, as refinements make it.")
TRUTH = Setting(
    "truth", False, bool, "The second map is a truth or made of a model, not a half map: the checks of half maps are left "
    "out, and the resolution is where the FSC falls below 0.5 unless a threshold is given.")

GAUSSIANS = Setting(
    "gaussians", "auto", str, "Number of Gaussians, or auto: from the volume of the molecule and the resolution; a refinement "
    "tries how close they should lie, by the map that they were not fitted to.",
    label="Number of Gaussians")
MODEL = Setting(
    "model", None, ModelFile, "Atomic model (mmCIF or PDB) to start from: one Gaussian per non-hydrogen atom, coordinates "
    "randomised at the resolution so that the model cannot bias the halves.", label="Start from atomic model")
FIT_EVALUATIONS = Setting(
    "fit_evaluations", 30, int, "Evaluations of the map agreement when the Gaussians are fitted, at most: a fit ends where it "
    "converges. More of them follow the noise of a half map.",
    advanced=True, minimum=1, label="Evaluations of the Gaussian fit")
PLACE_FROM = Setting(
    "place_from", "auto", str, "How the map lies to the atomic model. auto: tries the places below and takes the one where the "
    "atoms lie in density; the log says which. header: as viewers show it (ORIGIN, else nstart; maps of particles: "
    "first voxel at 0). nstart: "
    "nxstart nystart nzstart. given: as first_voxel says, or Scipion's origin of a volume. corner: first voxel at 0. center: "
    "box centre at 0.", choices=("auto", "header", "nstart", "given", "corner", "center"), label="Place of the map from")
FIRST_VOXEL = Setting(
    "first_voxel", None, str, "Place of the first voxel in the model's frame, 'x y z' in Å, when no header tells; auto tries "
    "it first. Of several maps one for all, or one each, parted by semicolons.", advanced=True, label="First voxel: x y z (Å)")

RESOLUTION = Setting(
    "resolution", None, float, "Resolution up to which the GMM follows the map; none takes 3 pixels.", "Å", minimum=0,
    label="Resolution of the model")
THRESHOLD = Setting(
    "threshold", None, float, "Density above which voxels seed Gaussians; none finds it from the map.", advanced=True,
    label="Density that holds Gaussians")

ITERATIONS = Setting("iterations", 5, int, "Refinement iterations; the run stops earlier when nothing improves.", minimum=1)
INITIAL_RESOLUTION = Setting(
    "initial_resolution", None, float,
    "Starting low-pass: the first iteration uses no signal beyond it. none uses the measured FSC of the start poses.",
    "Å", minimum=0,
    label="Start from resolution")
MAX_RESOLUTION = Setting(
    "max_resolution", None, float, "Never use signal beyond this resolution for poses; none goes as far as the FSC.",
    "Å", minimum=0,
    label="Finest resolution for poses")
OPTIMIZER = Setting(
    "optimizer", "fisher", str, "fisher: damped Gauss-Newton steps. adam: the scheme of Chen et al. 2023, for comparison.",
    choices=("fisher", "adam"), advanced=True,
    label="How poses are improved")
LOSS = Setting(
    "loss", "likelihood", str, "likelihood: CTF included, shells weighted by signal-to-noise. frc: equal weight per "
    "Fourier ring, CTF phases only (Chen et al. 2023).", choices=("likelihood", "frc"), advanced=True,
    label="What images are compared by")
PROJECTOR = Setting(
    "projector", "slice", str, "slice: cut from the exact 3-D Fourier volume of the GMM (error below 0.2 %). "
    "exact: sum over Gaussians for every image, slower; adam always uses it.", choices=("slice", "exact"), advanced=True,
    label="How the model is projected")
MARCH = Setting(
    "march", "0.2 0.3 0.5 1.0", str, "Frequency marching: radii at which poses are improved in turn, as fractions of "
    "the resolution reached; one step each, so a radius given twice takes two.", advanced=True,
    label="Radii of frequency marching")
PRIOR_ROTATION = Setting(
    "prior_rotation", None, float,
    "Expected rms error of the start rotations; none estimates it from the particles of each half.",
    "degrees", advanced=True, minimum=0,
    label="Expected rotation error")
PRIOR_SHIFT = Setting(
    "prior_shift", None, float, "Expected rms error of the start shifts; none estimates it from the particles of each half.",
    "Å", advanced=True, minimum=0,
    label="Expected shift error")
ADAM_STEPS = Setting("adam_steps", 10, int, "Steps per particle of the adam optimizer.", advanced=True, minimum=1,
    label="Steps of adam")
LEARNING_RATE = Setting(
    "learning_rate", 1e-3, float, "Step size of the adam optimizer, in radians and fractions of the box.", advanced=True,
    minimum=1e-8,
    label="Step size of adam")
FOCUS_MASK = Setting(
    "focus_mask", None, MaskFile,
    "Soft mask (values 0 to 1) of the region to focus on, on the grid of the particles: the poses "
    "follow the features inside.", label="Focus mask")
FOCUS_SPHERE = Setting(
    "focus_sphere", None, str,
    "Region to focus on as a sphere: x y z of its centre and its radius in Å, in the frame of the map "
    "as a viewer shows it (first voxel at 0).", label="Focus sphere: x y z radius (Å)")
FOCUS_MODEL = Setting(
    "focus_model", None, ModelFile, "Atomic model (mmCIF or PDB) fitted into the map, to focus on the part named by the focus "
    "selection.", label="Focus on part of an atomic model")
FOCUS_SELECTION = Setting(
    "focus_selection", None, str, "Part of the focus model, e.g. 'chain A and 1-200', 'chain A,B', 'residue ATP,MG' or "
    "'chain A and 1-200 or chain C'. none takes all of the model.", label="Selection")
FOCUS_LEVEL = Setting(
    "focus_level", 0.25, float, "With a rest that moves: widths of Gaussians outside the focus are divided by this, those on "
    "the mask's edge by level + (1 - level) M. 0.25 is that of Chen et al. 2023; 1 switches the focus off.", advanced=True,
    minimum=0.05, maximum=1,
    label="Focus on the region, 0.05 to 1")
FOCUS_REST = Setting(
    "focus_rest", "fixed", str, "What the rest of the molecule does while the region is aligned. fixed: it stays at the start "
    "poses, where its projection is taken from the images. moves: it moves along, widened (Chen et al. 2023), and holds "
    "back a region that moves far.", choices=("fixed", "moves"), label="Rest of the molecule")
FOCUS_EDGE = Setting(
    "focus_edge", 5.0, float, "Soft edge of a focus mask or patch made here.", "px", advanced=True, minimum=0,
    label="Soft edge of the region")

PIN_EXCHANGES = Setting(
    "pin_exchanges", None, RecordFile,
    "run.json of an earlier run whose FSC curves and masks are used instead of measured ones, so "
    "that one half can be repeated without the other.", advanced=True,
    label="FSC and masks of an earlier run")
PATCHES = Setting(
    "patches", "8", str, "Number of patches, K-means clusters of the Gaussians; or auto: regions that the particles show to "
    "move rigidly together.", label="Number of patches")
PATCH_ITERATIONS = Setting("patch_iterations", 3, int, "Focused iterations of every patch.", minimum=1,
    label="Iterations of every patch")
PATCH_MODE = Setting(
    "patch_mode", "together", str, "together: all patches in one pass over the images, each with the others taken from the "
    "images where they are in that particle; needs the memory of all references. apart: one focused refinement after the "
    "other, each to be continued, repeated or run elsewhere by itself.", choices=("together", "apart"),
    label="Patches are refined")
ONLY = Setting(
    "only", None, str, "Part of the work, for queues and several GPUs: geometry (maps and patches), a patch number, or "
    "composite. none does all.", advanced=True)
COMPOSITE_WEIGHTS = Setting(
    "composite_weights", "mask", str, "How the parts of a composite are averaged. mask: by their soft masks (Chen et al. "
    "2023). snr: by mask times local signal-to-noise of the half maps, which favours the better part where two overlap.",
    choices=("mask", "snr"),
    label="Weights of the parts")
BACKGROUND = Setting(
    "background", None, Folder, "Folder whose half maps (half_map_1.mrc, half_map_2.mrc) a composite shows outside all masks, "
    "e.g. the global refinement. none shows the mean of the parts there.", label="Background")


CONTROL_NAMES = Setting(
    "controls", "all", str, "Controls to make: all, or some of noise, phases (start maps with random phases beyond their "
    "resolution), halves (shuffled at the final poses) and model (noise against the final maps).", label="Controls")
CONTROL_IMAGES = Setting(
    "control_images", 5000, int,
    "Images of noise to make, at poses drawn evenly from the run's; 0 makes as many as the run had.",
    label="Images of noise", advanced=True, minimum=0)

LATENT_SIZE = Setting(
    "latent_size", 2, int, "Dimensions of the latent space: how many numbers describe a conformation.",
    label="Latent dimensions", minimum=1, maximum=16)
ANCHORS = Setting(
    "anchors", "auto", str, "Anchors that move the Gaussians, by K-means; a second, larger number adds finer ones: '32 128'. "
    "auto: 32, fewer in a small region, whose Gaussians lie closer then.",
    label="Number of anchors")
TARGET_RESOLUTION = Setting(
    "target_resolution", 7.0, float, "Learn motions from signal up to this resolution; coarser where the FSC ends "
    "earlier.", "Å", minimum=1,
    label="Learn from signal up to")
EPOCHS = Setting(
    "epochs", 30, int, "Times that every particle is shown in training; it ends earlier when held-out particles gain nothing.",
    minimum=1)
TRAINING_RATE = Setting(
    "training_rate", 2e-3, float, "Learning rate at the start of training.", advanced=True, minimum=1e-7, maximum=1,
    label="Learning rate")
TRAINING_BATCH = Setting(
    "training_batch", 32, int, "Particle images in one step of training. Memory grows with it times the number of Gaussians.",
    "images", advanced=True, minimum=1)

AXIS = Setting("axis", 1, int, "Axis of the latent space, 1 for that of the largest motion.", minimum=1,
    label="Axis of the motion")
FRAMES = Setting(
    "frames", 9, int, "Maps along the axis, from the 5th to the 95th percentile of the half's particles, or along the line "
    "through given points.", minimum=2, maximum=99,
    label="Number of frames")
THROUGH = Setting(
    "through", None, str, "Points of the latent space instead of an axis, 'z1 z2; z1 z2; ...': frames evenly along the line "
    "through them, or one map for one point.", label="Through latent points")
AT_POINTS = Setting(
    "at_points", False, bool, "One map for each of the points given, not evenly along the line through them.", advanced=True,
    label="Maps at the points themselves?")
HALF = Setting(
    "half", "both", str, "Half set whose conformations are made. A point picked in the latent space of one half means "
    "something else in that of the other.", choices=("both", "1", "2"),
    label="Half sets shown")
SUBSETS = Setting(
    "subsets", 0, int, "Classes of equal size along the axis, each half sorted by itself, to be reconstructed; 0 makes none.",
    minimum=0, maximum=99,
    label="Classes along the axis")

MOTION_TABLE = Setting(
    "motions", None, TableFile,
    "Rigid motions of the region from elsewhere: STAR with rlnImageName, gmmTurnX Y Z (rotation vector, "
    "degrees) and gmmMoveX Y Z (Å), a point x of the neutral region going to exp(ω) x + t; or .npy (N, 6) of the same in the "
    "order of the particles. Needs a particle file in place of the folder.", label="Table of rigid motions")

SIMULATED_PARTICLES = Setting("particles", 2000, int, "Number of images.", minimum=2)
SIMULATED_BOX = Setting("box", 96, int, "Image side; even.", "px", minimum=16)
SIMULATED_PIXEL_SIZE = Setting("pixel_size", 1.8, float, "Pixel size.", "Å/px", minimum=0.1)
SNR = Setting("snr", 0.1, float, "Variance of the CTF-filtered signal over variance of the noise, whole image.", minimum=1e-6)
POSE_ERROR = Setting("pose_error", 3.0, float, "Rms rotation between start and true poses.", "degrees", minimum=0)
SHIFT_ERROR = Setting("shift_error", 2.0, float, "Rms length of the shift between start and true poses.", "Å", minimum=0)
END_MODEL = Setting(
    "end_model", None, ModelFile, "Second model with the same atoms: every particle lies somewhere on the way to it.")
SWING = Setting(
    "swing", None, str, "Domains that swing about hinges, each particle at its own angle: selection, hinge if not where the "
    "domain touches the rest, and largest angle, range or list of angles in degrees, e.g. "
    "'chain A and 367-640: 8; chain A and 1208-1440 about chain A and 1204-1210: 0..20' or 'chain B: 0,15'.")
MOVING_COPIES = Setting(
    "moving_copies", "all", str, "Which copies of an oligomer take part in the motion: all, or the first while the others "
    "stay as the model is.", choices=("all", "one"))
BEAM_TILT = Setting("beam_tilt", None, str, "Beam tilt of the images, 'x y'; a real one of 0.3 blurs 2.5 Å at 300 kV.", "mrad")
TREFOIL = Setting(
    "trefoil", None, str, "Trefoil of the images, 'a b': the phase a |k|³ cos 3φ + b |k|³ sin 3φ, k in 1/Å.", "rad Å³")
TETRAFOIL = Setting(
    "tetrafoil", None, str, "Fourfold astigmatism, 'a b': a |k|⁴ cos 4φ + b |k|⁴ sin 4φ is taken from the CTF's phase, k in "
    "1/Å.", "rad Å⁴")
MAGNIFICATION_MATRIX = Setting(
    "magnification_matrix", None, str, "Anisotropic magnification, RELION's rlnMagMat '00 01 10 11', e.g. '1.01 0 0 0.99'.")

SIGMA = Setting(
    "sigma", "0.6", str, "Width of the Gaussian that an atom's density is compared with: 0.6 as published (Pintilie et al. "
    "2020), 0.4 as in reports of EMDB and wwPDB, where scores are about 0.1 lower. Scores of two widths do not compare.",
    "Å", choices=("0.6", "0.4"), label="Width of the reference Gaussian")
MAP_RESOLUTION = Setting(
    "map_resolution", None, float, "Resolution of the map, for the Q-score expected at it (to 6 Å) and for the entries of EMDB "
    "that the mean Q is compared with; none takes that of the map against the model (FSC 0.5), and expects nothing.", "Å",
    minimum=0, maximum=15,
    label="Resolution of the map")

GRIDS = Setting(
    "grids", "refuse", str, "Maps whose box, voxels or origin differ from the first map's: refuse them, or resample them on "
    "its grid by cubic splines, placed by their headers. Maps moved against the first are refused either way.",
    choices=("refuse", "resample"), label="Maps on another grid")

LOCAL_WINDOW = Setting(
    "local_window", 1.0, float, "Width (standard deviation) of the soft window in which half maps are compared, in units of "
    "the resolution looked at. Larger is less noisy and shows less detail: 1 repeats within 8 %, 1.5 within 4 %.",
    advanced=True, minimum=0.5, maximum=5,
    label="Width of the local window")
SMEARING = Setting(
    "smearing", "auto", str, "Smearing by pose errors, which is undone as far as there is signal. auto: the errors given; else "
    "those in particles.star beside the half maps, as a refinement writes it; else what the spectrum shows, which falls faster "
    "away from the box centre. none: the map is taken as sharp.",
    choices=("auto", "none"), label="Smearing by pose errors", advanced=True)
KNOWN_ROTATION_ERROR = Setting(
    "known_rotation_error", None, float, "Rms error of the particles' rotations, about all axes together, where it is known.",
    "degrees", advanced=True, minimum=0, maximum=30,
    label="Known error of rotations")
KNOWN_SHIFT_ERROR = Setting(
    "known_shift_error", None, float, "Rms error of the particles' shifts in the plane of the image, where it is known.", "Å",
    advanced=True, minimum=0, maximum=50,
    label="Known error of shifts")

RESOLUTION_MAP = Setting(
    "local_resolution", None, MapFile,
    "Map of the local resolution in Å on the grid of the map, as local-resolution writes it: the "
    "result is low-passed there at every voxel.", label="Local resolution map")
LOW_PASS = Setting(
    "low_pass", None, float, "Resolution of the map: its amplitudes are corrected up to it and cut beyond. none when a local "
    "resolution map says so instead.", "Å", minimum=0,
    label="Resolution of the map")
SHARPENING = Setting(
    "sharpening", "b-factor", str, "b-factor: one B factor for the whole map. model-profile: radial amplitudes of an atomic "
    "model (Chen et al. 2023). local-resolution: a B factor that follows the local resolution. local-model: local amplitudes "
    "of an atomic model (LocScale's idea); fades what the model lacks. local: local amplitudes made even, without a model.",
    choices=("b-factor", "model-profile", "local-resolution", "local-model", "local"),
    label="Way of sharpening")
B_FACTOR = Setting(
    "b_factor", None, float,
    "B factor of the map, which is removed: positive sharpens. none measures it by a Guinier fit.", "Å²",
    label="B factor")
GUINIER_FROM = Setting(
    "guinier_from", 10.0, float, "Coarse end of the range where amplitudes of a molecule fall by the B factor alone; coarser "
    "ones show its shape.", "Å", advanced=True, minimum=4, maximum=50,
    label="Guinier fit begins at")
REFERENCE_MODEL = Setting(
    "reference_model", None, ModelFile, "Atomic model (mmCIF or PDB) fitted to the map, whose amplitudes the map is given.",
    label="Atomic model for amplitudes")
MODEL_RESOLUTION = Setting(
    "model_resolution", 2.0, float, "Resolution at which the model is simulated; 2 is that of Chen et al. 2023.", "Å",
    advanced=True, minimum=0.5,
    label="Resolution of the model's map")
AMPLITUDE_WINDOW = Setting(
    "amplitude_window", 10.0, float, "Width (standard deviation) of the soft window in which local amplitudes are measured.",
    "Å", advanced=True, minimum=2,
    label="Width of the amplitude window")
