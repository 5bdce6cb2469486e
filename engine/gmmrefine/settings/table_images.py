"""Settings of computing, of how images are read, and of FSC and masks."""

from gmmrefine.settings.kinds import MaskFile, TableFile
from gmmrefine.settings.setting import Setting

SEED = Setting("seed", 1, int, "Seed of every random draw; the same seed gives the same result on one CPU machine.", minimum=0)
BATCH_SIZE = Setting(
    "batch_size",
    128,
    int,
    "Particle images that may be read in advance. Memory grows with it; results do not depend on it: "
    "sums are over chunks of 64.",
    "images",
    advanced=True,
    minimum=1,
)
THREADS = Setting("threads", None, int, "CPU threads of the engine; none takes all.", advanced=True, minimum=0)
DEVICE = Setting(
    "device",
    "auto",
    str,
    "Where the maths runs: auto takes a GPU when TensorFlow finds one; gpu insists on one.",
    choices=("auto", "cpu", "gpu"),
    advanced=True,
)

TAKE_OVER = Setting(
    "take_over",
    False,
    bool,
    "Go on in the folder of a run on another computer that has given no sign of life for "
    "ten minutes. A run that was killed on this computer is taken over without this option. A run that is alive is "
    "never taken over.",
)

ANY_VERSION = Setting("any_version", False, bool, "Repeat a run of another version too; its results may differ.")
SPLIT_HALVES = Setting(
    "split_halves",
    None,
    int,
    "Draw the half sets with this seed when the particles carry none. none refuses such particles: a split drawn after a "
    "joint refinement is not gold-standard.",
    label="Seed to draw half sets",
    advanced=True,
    minimum=0,
)
INVERT_CONTRAST = Setting(
    "invert_contrast",
    False,
    bool,
    "Multiply the images by -1, besides what the particles say about their contrast themselves "
    "(gmmContrastSign, from cryoSPARC's blob/sign). Needed when the molecule comes out dark: such a run is refused "
    "and says so.",
    label="Molecule is dark in the images?",
)
PARTICLE_DIAMETER = Setting(
    "particle_diameter",
    None,
    float,
    "Longest diameter of the particle: background and noise of an image are measured outside. "
    "none takes the diameter of the mask given, else 75 % of the box (half of the box where two extractions of one particle "
    "are looked for).",
    "Å",
    minimum=0,
)
SAME_PARTICLE = Setting(
    "same_particle",
    None,
    float,
    "Images of one micrograph whose particles lie nearer to each other show one particle, which "
    "must not be in both half sets. none: a tenth of the particle's diameter.",
    "Å",
    label="Nearer is the same particle",
    advanced=True,
    minimum=0,
)
REMOVE_DUPLICATES = Setting(
    "remove_duplicates",
    False,
    bool,
    "Leave out images of particles that were extracted twice; the first one is kept.",
    label="Leave out particles extracted twice?",
    advanced=True,
)
REDRAW_HALVES = Setting(
    "redraw_halves",
    None,
    int,
    "Draw new half sets with this seed, all images of a particle in one, whatever the file says. "
    "none keeps those of the file. The poses have seen the old half sets: resolutions may be too good until they are refined "
    "anew.",
    label="Seed to draw new half sets",
    advanced=True,
    minimum=0,
)
LEAVE_OUT = Setting(
    "leave_out",
    "none",
    str,
    "Odd images to leave out. blank: those that hold nothing. clipped: blank ones, and those with "
    "many pixels at their largest or smallest value. all: also those whose noise is more than 3 times stronger or weaker than "
    "in most of their optics group, and those with single pixels far above all others. They are counted and listed either way; "
    "unless left out, blank images count nothing and all others are brought to one scale.",
    choices=("none", "blank", "clipped", "all"),
    label="Images to leave out",
    advanced=True,
)
WEIGHT_BY_SCALE = Setting(
    "weight_by_scale",
    False,
    bool,
    "Weight every image in the map by the strength of its signal (gmmScale, which refinements estimate), as by its CTF.",
    label="Weight images by their strength?",
    advanced=True,
)
WEIGHT_BY_POSE_ERROR = Setting(
    "weight_by_pose_error",
    False,
    bool,
    "Weight fine detail of every image in the map by how well its pose is known (gmmCovariance1 to 15, of refinements).",
    label="Weight images by the errors of their poses?",
    advanced=True,
)
TARGET_PIXEL_SIZE = Setting(
    "target_pixel_size",
    None,
    float,
    "Pixel size of the grid to which the images of all optics groups are brought; maps "
    "and masks are on it too. none takes the coarsest of the groups that holds the resolution asked for.",
    "Å/px",
    label="Common pixel size",
    advanced=True,
    minimum=0,
)
TARGET_BOX = Setting(
    "target_box",
    None,
    int,
    "Box of that grid, even. none takes the smallest as wide as the widest images.",
    "px",
    label="Common box",
    advanced=True,
    minimum=0,
)
VERIFY = Setting(
    "verify",
    False,
    bool,
    "Read every byte of every image stack to see whether a run that is continued still has its images, "
    "and keep the hashes. Without it a stack whose size, times and inode are as they were counts as unchanged, and of others "
    "64 blocks are compared.",
    label="Verify images byte by byte?",
    advanced=True,
)

ALIGNMENT_CLASS = Setting(
    "alignment_class",
    None,
    int,
    "For cryoSPARC files with poses of several classes: take those of this class, counted from 0. "
    "none takes the poses of the one reference, or else of each particle's most probable class.",
    label="Take poses of class",
    advanced=True,
    minimum=0,
    none_was=-1,
)
PASSTHROUGH = Setting(
    "passthrough",
    None,
    TableFile,
    "The passthrough .cs file of the same cryoSPARC job, for columns that the particles file "
    "lacks. none finds it where it lies beside the particles file.",
    label="Passthrough file (.cs)",
    advanced=True,
)
FLIP_COORDINATE_Y = Setting(
    "flip_coordinate_y",
    False,
    bool,
    "Count y on the micrographs of cryoSPARC files from the last row of the image instead of "
    "the first. Needed where one program was given the micrographs upside down, or where pyem made the coordinates.",
    label="Flip y of coordinates?",
    advanced=True,
)

# names of point groups, in capitals
POINT_GROUP = r"C[1-9]\d?|D[XY]?[1-9]\d?|T|T222|TZ3R?|O|I[1-4]?|I222R?|IN25R?|I2N[35]R?"
SYMMETRY = Setting(
    "symmetry",
    "C1",
    str,
    "Point group of the molecule: Cn, Dn, T, O or I (RELION's I2), the main axis along z through the "
    "box centre. I1 to I4 are RELION's icosahedral frames; cryoSPARC's Dn, with its two-fold axis along y, is Dyn.",
)

FSC_THRESHOLD = Setting(
    "fsc_threshold",
    0.143,
    float,
    "FSC value that defines the gold-standard resolution.",
    advanced=True,
    minimum=0.01,
    maximum=0.9,
    label="FSC threshold",
)
MASK = Setting(
    "mask",
    None,
    MaskFile,
    "Soft mask (values 0 to 1) of the molecule for FSC, GMM and amplitudes, on the grid of the particles or "
    "maps; refused where it lies outside the molecule. none makes one from the maps.",
    label="Mask of the molecule",
)
MASK_RESOLUTION = Setting(
    "mask_resolution",
    15.0,
    float,
    "Low-pass of the map from which a mask is made.",
    "Å",
    advanced=True,
    minimum=2,
    label="Low-pass for the mask",
)
MASK_EDGE = Setting(
    "mask_edge",
    6.0,
    float,
    "Width of the soft edge of a mask made here.",
    "px",
    advanced=True,
    minimum=0,
    label="Soft edge of the mask",
)
MAKE_MASK = Setting("make_mask", False, bool, "Compare half maps inside a mask that is made from them, as refinements make it.")
TRUTH = Setting(
    "truth",
    False,
    bool,
    "The second map is a truth or made of a model, not a half map: the checks of half maps are left "
    "out, and the resolution is where the FSC falls below 0.5 unless a threshold is given.",
)
