"""What values a setting takes, besides the ``int``, ``float``, ``str`` and ``bool`` of Python: files and folders of a kind."""


class Path(str):
    """A path that decides the result."""

    metavar = "PATH"


class File(Path):
    """A file, whose content is part of what a run was made from."""

    metavar = "FILE"


class MaskFile(File):
    """A mask."""

    metavar = "MASK.mrc"


class MapFile(File):
    """A map."""

    metavar = "MAP.mrc"


class ModelFile(File):
    """An atomic model."""

    metavar = "MODEL.cif"


class RecordFile(File):
    """The record of an earlier run."""

    metavar = "run.json"


class TableFile(File):
    """A table."""

    metavar = "TABLE"


class Folder(Path):
    """A folder."""

    metavar = "DIR"


METAVARS = {int: "N", float: "X", str: "TEXT"}
EXPECTED = {int: "a whole number", float: "a number"}
EMPTY = {int: 0, float: 0.0}  # what stood for "none" in earlier versions, besides ''
