# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Image stacks between Scipion and the engine, which reads MRC."""

import os
import re

from pwem.emlib.image import ImageHandler

MRC_EXTENSIONS = (".mrc", ".mrcs", ".map", ".st")
CONVERTIBLE_EXTENSIONS = (".stk", ".spi", ".img", ".tif", ".tiff", ".em")
FORMAT_SUFFIX = re.compile(r":(mrcs?|map|st)$", re.IGNORECASE)


def plainFileName(name):
    """A path without Scipion's format suffix, as in ``x.mrc:mrcs``; other colons are the path's own."""
    return FORMAT_SUFFIX.sub("", name)


def stackFileName(image):
    """Path of an image's stack without Scipion's format suffix."""
    return plainFileName(image.getFileName())


def halfMapFiles(volume):
    """Paths of a volume's half maps without Scipion's format suffix, or none."""
    return list(map(plainFileName, volume.getHalfMaps(asList=True))) if volume.hasHalfMaps() else []


def unreadableStack(fileName):
    """Why the engine cannot read a stack, or nothing when it can."""
    extension = os.path.splitext(fileName)[1].lower()
    if extension in MRC_EXTENSIONS + CONVERTIBLE_EXTENSIONS:
        return ""
    return (
        f"The images are in {os.path.basename(fileName)}; {extension or 'a file without extension'} cannot be read "
        "here.\nExtract or export the particles to MRC stacks (.mrcs) first."
    )


class MrcStacks:
    """MRC stacks for the images of a set: the file itself, or a converted copy for other formats.

    Parameters
    ----------
    folder : str
        Where converted stacks go.
    """

    def __init__(self, folder):
        self._folder = folder
        self._known = {}

    def path(self, fileName):
        """Absolute path of an MRC stack with the images of a file."""
        if fileName not in self._known:
            self._known[fileName] = self._prepare(fileName)
        return self._known[fileName]

    def _prepare(self, fileName):
        extension = os.path.splitext(fileName)[1].lower()
        if extension in MRC_EXTENSIONS:
            return os.path.abspath(fileName)
        os.makedirs(self._folder, exist_ok=True)
        target = os.path.abspath(os.path.join(self._folder, f"stack_{len(self._known) + 1:05d}.mrcs"))
        if os.path.lexists(target):
            os.remove(target)
        if extension in MRC_EXTENSIONS:
            os.symlink(os.path.abspath(fileName), target)
        else:
            ImageHandler().convertStack(fileName, target)
        return target


def linkStack(fileName, folder, number):
    """Link a stack into a protocol's folder under a name that Scipion takes for a stack.

    Parameters
    ----------
    fileName : str
        Stack, absolute path.
    folder : str
        The protocol's folder.
    number : int
        Makes the name unique: stacks of different folders may share one.

    Returns
    -------
    str
        The link, ending in .mrcs.
    """
    stem = re.sub(r"[^\w.+-]", "_", os.path.splitext(os.path.basename(fileName))[0])  # Scipion takes a colon for a suffix
    link = os.path.join(folder, f"{number:05d}_{stem}.mrcs")
    if os.path.lexists(link):
        os.remove(link)
    os.symlink(fileName, link)
    return link
