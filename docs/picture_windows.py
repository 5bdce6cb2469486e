"""Pictures of Scipion's windows for the tutorial: a form, and Analyze results of a finished refinement.

Usage: xvfb-run -s "-screen 0 1500x1000x24" python docs/picture_windows.py FOLDER
       where FOLDER is that of ``python -m scipion_gmmrefine.demo FOLDER``
"""

import os
import sys
from pathlib import Path

PICTURES = Path(__file__).resolve().parent / "pictures"
DELAY = 4000  # ms until a window is drawn


def main(folder):
    """Picture the form of GMM refine, and its Analyze results."""
    from scipion_gmmrefine.demo import Places, environment

    places = Places.last(folder)
    os.environ.update(environment(places))
    for name in ("scipion_form", "scipion_results"):
        os.spawnve(os.P_WAIT, sys.executable, [sys.executable, __file__, str(places.projectFolder), name], dict(os.environ))


def picture(project_folder, name):
    """Open one window and save what the screen shows of it."""
    import pyworkflow.gui.project as gui

    os.chdir(project_folder)
    window = gui.ProjectWindow(project_folder)
    project = window.project
    refined = next(run for run in project.getRuns() if type(run).__name__ == "GmmRefineProtRefine")
    opened = form(window, refined) if name == "scipion_form" else results(window, project, refined)
    window.root.after(DELAY, lambda: save(opened.root, PICTURES / f"{name}.png"))
    opened.show(center=False)


def form(window, protocol):
    """The form of a protocol."""
    from pyworkflow.gui.form import FormWindow

    return FormWindow("GMM refine", protocol, lambda *_: None, window, updateProtocolCallback=lambda *_: None)


def results(window, project, protocol):
    """The window of Analyze results."""
    from pyworkflow.gui.form import FormWindow
    from pyworkflow.viewer import DESKTOP_TKINTER

    viewerClass, *_ = project.getDomain().findViewers(protocol, DESKTOP_TKINTER)
    viewer = viewerClass(project=project, protocol=protocol)
    viewer.setProtocol(protocol)
    rows = {name: lambda *_: None for name in viewer._getVisualizeDict()}
    return FormWindow("Analyze results: GMM refine", viewer, lambda *_: None, window, visualizeDict=rows, visualizeMode=True)


def save(shown, path):
    """Save the part of the screen under a window, and end."""
    from PIL import ImageGrab

    shown.geometry("+20+20")
    shown.lift()
    shown.update()
    left, top = shown.winfo_rootx(), shown.winfo_rooty()
    area = left, top, left + shown.winfo_width(), top + shown.winfo_height()
    ImageGrab.grab(bbox=area, xdisplay="").quantize(64).save(path, optimize=True)
    os._exit(0)  # the windows would ask


if __name__ == "__main__":
    if len(sys.argv) == 3:
        picture(*sys.argv[1:])
    else:
        main(sys.argv[1])
