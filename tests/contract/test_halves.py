"""The half sets never meet but in what they are told: read from the code."""

import ast

from source_tree import REPOSITORY, functions, python_files

from gmmrefine.runs.exchanges import EXCHANGES

PIPELINES = "engine/gmmrefine/pipelines"
# what a half set is told, measured from both
MEASURES = {
    "shared_region.measured_fsc",
    "shared_region.measure",
    "contrast_check.measure",
    "start_map_place.place_models",
    "common_frame.measure",
    "common_frame._expected",
    "refine_patches.measure",
    "conformation_to_pose.refine_regions",
    "patch_iteration._measured",
    "course.are_settled",
    "gaussian_spacing.measure",
}
# what is written after the last exchange
WRITERS = {
    "refined_output.write_results",
    "refined_output.write_final_gmms",
    "refined_output.joined",
    "course.summary",
    "heterogeneity.heterogeneity",
    "refine_patches.joined_patches",
    "patch_iteration.write",
    "reconstruct.reconstruct",
    "control_runs.control_of_noise",
    "control_runs.control_of_phases",
    "control_runs.control_of_halves",
    "control_runs.real_of",
    "control_runs.changes_between",
    "control_runs._control",
    "patch_controls.row",
}
# what is checked before anything is computed, or put in another order
OTHERS = {
    "heterogeneity.check_settings",
    "reconstruct.symmetry_agreement",
    "patch_iteration.by_patch",
    "conformation_to_pose.wanted_poses",
}


def callers(method):
    """Functions of the pipelines, file.function, that call a method of this name; of nested ones the innermost."""
    found = set()
    for path in python_files(PIPELINES):
        nested = {id(inner) for outer in functions(path) for inner in ast.walk(outer) if inner is not outer}
        for function in sorted(functions(path), key=lambda node: id(node) not in nested):
            inside = [node for node in ast.walk(function) if isinstance(node, ast.FunctionDef) and node is not function]
            own = set(map(id, ast.walk(function))) - {id(part) for node in inside for part in ast.walk(node)}
            calls = (node for node in ast.walk(function) if id(node) in own and isinstance(node, ast.Call))
            if any(isinstance(call.func, ast.Attribute) and call.func.attr == method for call in calls):
                found.add(f"{path.stem}.{function.name}")
    return found


def test_only_measures_and_writers_see_both_half_sets():
    allowed = MEASURES | WRITERS | OTHERS
    seen = callers("both")
    assert seen <= allowed, f"sees both half sets: {', '.join(sorted(seen - allowed))}"
    assert allowed <= seen, f"no longer: {', '.join(sorted(allowed - seen))}"


def test_all_that_is_told_is_in_the_table():
    kinds = set()
    for path in python_files("engine/gmmrefine"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "told":
                kinds.add(node.args[0].value)
    assert kinds == set(EXCHANGES)


def test_the_table_is_in_the_conventions():
    page = (REPOSITORY / "CONVENTIONS.md").read_text(encoding="utf-8")
    for kind, one in EXCHANGES.items():
        assert f"| `{kind}` | {one.title} | {one.crosses} | {one.resolution} | {one.why} |" in page


def test_no_function_is_told_the_number_of_its_half_set():
    """The particles of a half set know it (``ParticleSet.half``)."""
    halves = [
        f"{path.stem}.{function.name}"
        for path in python_files(PIPELINES)
        for function in functions(path)
        if {"half_number", "half_set"} & {argument.arg for argument in function.args.args}
    ]
    assert not halves
