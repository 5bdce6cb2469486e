"""cryoSPARC's particle groups (.csg): YAML that names the .cs file of every slot of fields.

YAML is read as far as cryoSPARC writes it: mappings by indentation or in braces, with plain or quoted values.
"""

import os
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterable, Set

from gmmrefine.errors import InputError
from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.stacks import find_stack
from gmmrefine.regular_file import FilePath, open_regular

_ENTRY = re.compile(r"""( *)('(?:[^']|'')*'|"[^"]*"|[^\s'"#][^:#]*?) *:(?: +(.*))?$""")
_QUOTED = re.compile(r"""'((?:[^']|'')*)'|"([^"]*)\"""")
_COMMENT = re.compile(r"""(?:^|\s)#.*$""")
_IN_BRACES = re.compile(r"""\s*('(?:[^']|'')*'|"[^"]*"|[^:,{}]+?)\s*:\s*('(?:[^']|'')*'|"[^"]*"|[^,{}]*?)\s*(?:,|$)""")
_KIND = "particle"
_SUFFIX = ".csg"


def is_group(path: FilePath) -> bool:
    """Whether a file is a group by its name."""
    return Path(path).suffix.lower() == _SUFFIX


def group_path(path: FilePath) -> str:
    """Where the group of a ``.cs`` file is written."""
    return os.path.splitext(path)[0] + _SUFFIX


def read_group(path: FilePath) -> Dict[str, Set[str]]:
    """Files of a particle group and what each is named for.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict of str to set of str
        Absolute path → slots, such as ``blob`` and ``alignments3D``, in the order of the file.

    Raises
    ------
    InputError
        Not such a file, a group of something else, or a file that is not there.
    """
    try:
        with open_regular(path) as file:
            lines = file.read().decode("utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}). Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a cryoSPARC group: it is no text. Give its .csg file.") from error
    content = _mapping(lines, path)
    kind = content.get("group", {}).get("type", _KIND) if isinstance(content.get("group"), dict) else _KIND
    if kind != _KIND:
        raise InputError(f"{path} is a group of '{kind}'; expected '{_KIND}'. Give the group of the particles.")
    results = content.get("results")
    if not isinstance(results, dict) or not results:
        raise InputError(f"{path} is not a cryoSPARC group: it has no results. Export the particle group of the job.")
    files: Dict[str, Set[str]] = {}
    for slot, entry in results.items():
        name = entry.get("metafile") if isinstance(entry, dict) else None
        if not name:
            raise InputError(f"{path}: results/{slot} names no metafile. Export the particle group of the job again.")
        found = find_stack(name.lstrip(">"), path)
        if not Path(found).is_file():
            raise InputError(
                f"{path}: {name.lstrip('>')}, which results/{slot} names, is not there ({found}). Copy it beside the group, or "
                f"give the .cs file itself."
            )
        files.setdefault(found, set()).add(slot)
    return files


def write_group(file: FilePath, fields: Iterable[str], count: int) -> None:
    """Write the group of one ``.cs`` file beside it, whole or not at all.

    Parameters
    ----------
    file : str or Path
        The ``.cs`` file.
    fields : sequence of str
        Names of its fields, such as ``blob/path``.
    count : int
        Number of particles.
    """
    slots = sorted({name.partition("/")[0] for name in fields if "/" in name})
    metafile = "'>{}'".format(Path(file).name.replace("'", "''"))
    lines = [
        f"created: {datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S.%f}",
        "group:",
        "  description: Particles with refined poses",
        "  name: particles",
        "  title: Particles",
        f"  type: {_KIND}",
        "results:",
    ]
    for slot in slots:
        lines += [f"  {slot}:", f"    metafile: {metafile}", f"    num_items: {count}", f"    type: {_KIND}.{_slot_type(slot)}"]
    lines += ["version: v4.0.0", ""]
    with atomic_path(group_path(file)) as temporary, open(temporary, "w", encoding="utf-8", errors="surrogateescape") as out:
        out.write("\n".join(lines))


def _slot_type(slot: str) -> str:
    """The type of a slot: its name, without the number of a class."""
    return re.sub(r"^(alignments)_class(?:3D)?_\d+$", r"\g<1>3D", slot)


def _mapping(lines: Iterable[str], path: FilePath) -> Dict[str, Any]:
    """The nested mappings of YAML text."""
    root: Dict[str, Any] = {}
    levels = [(-1, root)]
    for number, line in enumerate(lines, 1):
        text = _COMMENT.sub("", line) if "#" in line and not _QUOTED.search(line) else line
        if not text.strip() or text.startswith(("---", "...", "%")):
            continue
        entry = _ENTRY.match(text.rstrip())
        if not entry:
            if text.lstrip().startswith("- ") or len(text) - len(text.lstrip()) > max(levels[-1][0], 0):
                continue  # part of a list or of a long text
            raise InputError(
                f"{path}, line {number}: not understood; expected 'name: value'. Export the particle group of the job."
            )
        indent, key, value = len(entry[1]), _plain(entry[2]), (entry[3] or "").strip()
        while levels[-1][0] >= indent:
            levels.pop()
        parent = levels[-1][1]
        if value.startswith("{"):
            parent[key] = {_plain(name): _plain(text) for name, text in _IN_BRACES.findall(value.strip("{} "))}
        elif value:
            parent[key] = _plain(value)
        else:
            parent[key] = {}
            levels.append((indent, parent[key]))
    return root


def _plain(text: str) -> str:
    """A value without its quotes."""
    quoted = _QUOTED.fullmatch(text.strip())
    if not quoted:
        return text.strip()
    return quoted[1].replace("''", "'") if quoted[1] is not None else quoted[2]
