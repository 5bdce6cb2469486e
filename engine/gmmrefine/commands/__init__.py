"""The commands: one file each."""

# name on the command line: file
COMMANDS = {
    "simulate": "simulate",
    "reconstruct": "reconstruct",
    "fsc": "fsc",
    "build": "build",
    "refine": "refine",
    "refine-patches": "refine_patches",
    "heterogeneity": "heterogeneity",
    "conformations": "conformations",
    "conformation-to-pose": "conformation_to_pose",
    "composite": "composite",
    "expand-symmetry": "expand_symmetry",
    "impose-symmetry": "impose_symmetry",
    "local-resolution": "local_resolution",
    "local-filter": "local_filter",
    "sharpen": "sharpen",
    "modify": "modify",
    "qscore": "qscore",
    "audit": "audit",
    "import": "import_particles",
    "export": "export",
    "controls": "controls",
    "report": "report",
    "doctor": "doctor",
}
