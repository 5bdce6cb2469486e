"""No function takes more than five arguments; what belongs together is an object, what needs a name is given by it."""

import ast

from source_tree import FUNCTIONS, REPOSITORY, python_files, syntax_tree

MOST_ARGUMENTS = 5  # besides self and cls, and those that are given by name only
LOOPS = "_loops"  # files of compiled loops, which know arrays only
TO_BE_SHORTENED = {  # this list only gets shorter
    "alignment/frame.py: frame_between",
    "gmm/project.py: _slices_with_moments",
    "gmm/spacing.py: held_out_agreement",
    "alignment/adam.py: _adam_step.step",
    "alignment/fisher.py: climb",
    "alignment/likelihood_kernels.py: value",
    "alignment/likelihood_kernels.py: strength",
    "alignment/likelihood_kernels.py: normal_equations",
    "alignment/likelihood_kernels.py: joint_equations",
    "alignment/likelihood_kernels.py: score_covariance",
    "alignment/refiner.py: FisherRefiner.__init__",
    "alignment/refiner.py: refine_poses",
    "alignment/window.py: _cut",
    "alignment/window.py: _averaged",
    "gmm/fit.py: _disagreement",
    "gmm/seed.py: seed_gaussians",
    "heterogeneity/model.py: MotionModel.__init__",
    "heterogeneity/rigid.py: nearest_in_projection",
    "heterogeneity/train.py: Trainer.step",
    "heterogeneity/train.py: train_epoch",
    "heterogeneity/train.py: held_out_gain",
    "maps/reconstruct.py: _insert",
    "pipelines/audit.py: audit",
    "pipelines/audit.py: _results",
    "pipelines/audit_files.py: write_tables",
    "pipelines/audit_files.py: write_model",
    "pipelines/audit_files.py: write_figures",
    "pipelines/audit_verdicts.py: verdict",
    "pipelines/audited_maps.py: score_maps",
    "pipelines/audited_maps.py: _in_frame_of",
    "pipelines/audited_maps.py: _on_grid_of",
    "pipelines/build.py: gmm_of_map",
    "pipelines/build.py: _seeds_from_model",
    "pipelines/composite.py: write_composite",
    "pipelines/conformations.py: conformations",
    "pipelines/directions.py: measure_directions",
    "pipelines/half_iteration.py: improve_half",
    "pipelines/half_iteration.py: new_poses",
    "pipelines/half_iteration.py: make_refiner",
    "pipelines/half_motion.py: train",
    "pipelines/half_motion.py: latents",
    "pipelines/half_motion.py: held_out_evidence",
    "pipelines/held_out_poses.py: HeldOut.__init__",
    "pipelines/held_out_poses.py: HeldOut._score",
    "pipelines/heterogeneity.py: write_results",
    "pipelines/modify.py: modify_half_maps",
    "pipelines/modify.py: _audit",
    "pipelines/morph.py: write_morphs",
    "pipelines/particle_scales.py: with_measured_scale",
    "pipelines/patch_evidence.py: rigid_patches",
    "pipelines/patch_evidence.py: regions_of_layout",
    "pipelines/patch_evidence.py: measured_motions",
    "pipelines/patch_iteration.py: Together.__init__",
    "pipelines/qscore.py: qscore",
    "pipelines/qscore.py: _write_statistics",
    "pipelines/qscore.py: _write_figures",
    "pipelines/qscore.py: _results",
    "pipelines/reconstruct.py: write_maps",
    "pipelines/refine_patches.py: refine_all",
    "pipelines/refine_patches.py: joined_patches",
    "pipelines/refine_patches.py: patch_row",
    "pipelines/simulate.py: _scene",
}


def _functions(node, name=""):
    """Functions, methods and functions inside them with their names from the file's top."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS + (ast.ClassDef,)):
            inner = f"{name}.{child.name}" if name else child.name
            if isinstance(child, FUNCTIONS):
                yield inner, child
            yield from _functions(child, inner)


def _argument_count(function):
    arguments = function.args.posonlyargs + function.args.args
    return len(arguments) - (bool(arguments) and arguments[0].arg in ("self", "cls"))


def test_functions_take_few_arguments():
    engine = REPOSITORY / "engine" / "gmmrefine"
    found = {
        f"{path.relative_to(engine)}: {name}"
        for path in python_files("engine")
        if not path.stem.endswith(LOOPS)
        for name, function in _functions(syntax_tree(path))
        if _argument_count(function) > MOST_ARGUMENTS
    }
    assert sorted(found - TO_BE_SHORTENED) == [], "too many arguments"
    assert sorted(TO_BE_SHORTENED - found) == [], "these are short now: take them off the list"
