"""Controls of a finished run: made, judged against what the run itself gained, and told in a sentence."""

from gmmrefine.errors import InputError
from gmmrefine.pipelines.control_runs import CONTROLS, PATCHES, make_controls, read_finished, real_of
from gmmrefine.pipelines.control_verdicts import judged, methods_of_patches, methods_sentence
from gmmrefine.pipelines.patch_controls import control_patches


def control_run(controlled, particles, asked, run):
    """Make the controls of a finished run; gives the results for run.json.

    Parameters
    ----------
    controlled : Controlled
    particles : ParticleSet
        As the run has written them.
    asked : ControlsSettings
    run : Run
    """
    folder = controlled.folder
    if controlled.command == PATCHES:
        rows = control_patches(controlled, particles, asked, run)
        passed = all(row["passes"] for row in rows)
        return {"run": folder, "controls": rows, "passes": passed, "methods": methods_of_patches(rows)}
    finished = read_finished(controlled, particles, asked, run.progress)
    real = real_of(finished)
    names = list(CONTROLS) if asked.controls == "all" else asked.controls.split()
    made = make_controls(finished, names, asked.control_images, run)
    rows = [judged(real, control, finished.errors) for control in made]
    return {
        "run": folder,
        "gain": round(real.gained, 6),
        "resolution_before": real.before,
        "resolution_after": real.after,
        "expected_rotation_error": finished.errors[0],
        "expected_shift_error": finished.errors[1],
        "controls": rows,
        "passes": all(row["passes"] for row in rows),
        "methods": methods_sentence(real, rows, finished.errors),
    }


def check_names(text):
    """Refuse names of controls that there are not."""
    unknown = [name for name in text.split() if name not in (*CONTROLS, "all")]
    if unknown or not text.split():
        raise InputError(f"--controls {text}: expected all, or some of {', '.join(CONTROLS)}.")
