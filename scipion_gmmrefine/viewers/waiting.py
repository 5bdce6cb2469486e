# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""A small window that says how far the engine is while a viewer waits for it, with a button to give up."""

import tkinter as tk
from contextlib import contextmanager

from scipion_gmmrefine.convert.progress import lastOf, readEvents
from scipion_gmmrefine.protocols.protocol_base import duration

WIDTH = 60  # characters


class Waiting:
    """How far the engine is.

    Parameters
    ----------
    root : tkinter.Misc or None
        A window of Scipion; None waits without one, as in a test or on a machine without display.
    title : str
        What is made.
    """

    def __init__(self, root, title):
        self._isCancelled = False
        self._window = None if root is None else tk.Toplevel(root)
        if self._window is not None:
            self._window.title(title)
            self._text = tk.Label(self._window, text="Starting ...", width=WIDTH, anchor="w")
            self._text.pack(padx=15, pady=(15, 5))
            tk.Button(self._window, text="Cancel", command=self.cancel).pack(pady=(5, 15))
            self._window.protocol("WM_DELETE_WINDOW", self.cancel)
            self._window.update()

    def cancel(self):
        """Give up."""
        self._isCancelled = True

    def goesOn(self, folder):
        """Show what an engine has reported in its folder; False when the user has given up."""
        if self._window is not None:
            self._text.config(text=describeEvent(lastOf(readEvents(folder))))
            self._window.update()  # the rest of Scipion goes on meanwhile
        return not self._isCancelled

    def close(self):
        """Take the window away."""
        if self._window is not None:
            self._window.destroy()


@contextmanager
def waiting(root, title):
    """A ``Waiting`` that is taken away in the end."""
    window = Waiting(root, title)
    try:
        yield window
    finally:
        window.close()


def describeEvent(event):
    """What an engine is doing, in words; ``event`` is the last it has reported, or empty."""
    if not event:
        return "Starting ..."
    words = [str(event.get("step", "working"))]
    words += [f"{name} {event[name]}" for name in ("half", "iteration", "epoch") if event.get(name)]
    if event.get("eta_s"):
        words.append(f"{duration(event['eta_s'])} left")
    return ", ".join(words)
