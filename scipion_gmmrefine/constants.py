"""Names that several parts of the plugin share."""

GMMREFINE_PYTHON = "GMMREFINE_PYTHON"
ENGINE_PACKAGE = "gmmrefine"
ENGINE_ENVIRONMENT = "gmmrefine-engine"
ENGINE_DEPENDENCIES = "tensorflow numpy 'scipy>=1.10' mrcfile gemmi scikit-learn matplotlib 'plotly>=6.0'"
ENGINE_ERRORS = "engine.stderr"

OBJECT_ID = "scipionObjId"
HALF_SET = "_rlnRandomSubset"
OPTICS_GROUP = "_rlnOpticsGroup"
ROTATION_CHANGE = "_gmmRotationChange"
SHIFT_CHANGE = "_gmmShiftChange"
PARENT_PARTICLE = "_gmmParentParticle"
SYMMETRY_COPY = "_gmmSymmetryCopy"
MOTION = "_gmmMotion"
LATENT_ERROR = "_gmmLatentError"  # and the number of the axis
MOTION_USED = "_gmmMotionUsed"
CONTRAST_SIGN = "_gmmContrastSign"
SCALE = "_gmmScale"
GREY_COLUMNS = {CONTRAST_SIGN: 1, SCALE: 1.0}  # how images are read; what a particle without them means
COPY_MARKS = (PARENT_PARTICLE, SYMMETRY_COPY)  # of symmetry-expanded particles

FSC_THRESHOLD = 0.143

# Files that the engine writes.
INPUT_FILE = "input_particles.star"
PARTICLES_FILE = "particles.star"
LEFT_OUT_FILE = "left_out.star"
MAP_FILE = "map.mrc"
MASK_FILE = "mask.mrc"
HALF_MAP_FILES = ("half_map_1.mrc", "half_map_2.mrc")
HALF_SETS_FILE = "half_sets.npz"
FSC_FILE = "fsc.star"
GMM_FILE = "gmm.star"
HALF_GMM_FILES = ("gmm_half_1.star", "gmm_half_2.star")
GMM_FSC_FILE = "gmm_fsc.star"
FOCUS_MASK_FILE = "focus_mask.mrc"
COMPOSITE_FILE = "composite.mrc"
COMPOSITE_HALF_FILES = ("composite_half_1.mrc", "composite_half_2.mrc")
SEAMS_FILE = "seams.mrc"
OVERLAPS_FILE = "overlaps.star"
LATENT_FILE = "latent.star"
NETWORK_FILES = ("network_half_1.npz", "network_half_2.npz")
MOTIONS_FILE = "motions.star"
TRAINING_FILE = "training.star"
PATCHES_FILE = "patches.star"
PATCH_TABLE_FILE = "patch_table.star"
PATCH_EVIDENCE_FILE = "patch_evidence.star"
LOCAL_RESOLUTION_FILE = "local_resolution.mrc"
LOCAL_RESOLUTION_FIGURE = "figures/local_resolution.png"
FILTERED_FILE = "filtered.mrc"
SHARPENED_FILE = "sharpened.mrc"
UNMODIFIED_FILE = "unmodified.mrc"
MODIFIED_FILE = "modified.mrc"
MODIFIED_HALF_FILES = ("modified_half_1.mrc", "modified_half_2.mrc")
ERROR_MODEL_FIGURE = "figures/error_model.png"
AUDIT_FOLDER = "audit"  # of density modification
GUINIER_FIGURE = "figures/guinier.png"
COMPARISON_FIGURE = "figures/slices.png"
SCORED_MODEL_FILE = "qscore.cif"
Q_COLUMN = "Q_score"  # of the scored model, and Scipion's name of the attribute
Q_COLUMNS_OF_AUDIT = ("Q_change", Q_COLUMN, "Q_reference")
Q_SCRIPT = "qscore.cxc"
Q_CLASSES_FILE = "classes.star"
Q_CHAINS_FILE = "chains.star"
Q_CLASSES_FIGURE = "figures/classes.png"
Q_RESIDUE_FIGURES = "figures/residues_*.png"  # one per chain
AUDIT_FILE = "audit.star"
CHANGES_FILE = "changes.star"
CHANGED_MODEL_FILE = "change_map_{}.cif"  # number of the map; the first is the reference
CHANGED_MODEL_SCRIPT = "change_map_{}.cxc"
AUDITED_MAPS_FILE = "maps.star"
CHANGES_FIGURE = "figures/changes.png"
COPIES_FIGURE = "figures/copies.png"
