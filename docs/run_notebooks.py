"""Executes the notebooks of examples/ and writes them as pages of the site, with their figures.

Usage: python docs/run_notebooks.py [name …]      (needs nbclient, nbformat and ipykernel: the extra "test")
"""

import base64
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
NOTEBOOKS = HERE.parent / "examples"
PAGES = HERE / "notebooks"
SECONDS = 600
PASSING = re.compile(r"[^\n]*\r")  # what a progress line has overwritten
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
MOST_LINES = 10


def execute(path, folder):
    """A notebook with its outputs; it writes to a folder."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute()
    return notebook


def page(notebook, name):
    """Text of the page of an executed notebook, and its pictures by file name."""
    lines, pictures = [], {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            lines += [cell.source, ""]
            if cell.source.startswith("# "):
                lines += [f"*This page is the notebook `examples/{name}.ipynb`, executed on small simulated data.*", ""]
            continue
        lines += ["```python", cell.source, "```", ""]
        said = "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
        lines += _as_text(said) if said else []
        for output in cell.outputs:
            lines += _shown(output, name, pictures) if output.output_type != "stream" else []
    return "\n".join(lines), pictures


def _shown(output, name, pictures):
    picture = output.data.get("image/png")
    if picture:
        file = f"{name}_{len(pictures) + 1}.png"
        pictures[file] = base64.b64decode(picture)
        return [f"![Figure {len(pictures)} of the notebook]({file})", ""]
    return _as_text(output.data["text/plain"])


def _as_text(text):
    lines = COLOURS.sub("", PASSING.sub("", text)).rstrip().splitlines()
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES // 2], f"… {len(lines) - MOST_LINES} lines …", *lines[-MOST_LINES // 2 :]]
    return ["```text", *lines, "```", ""]


def smaller(data):
    """A PNG with at most 900 px in width and 96 colours."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        width = min(image.width, 900)
        small = image.convert("RGB").resize((width, round(image.height * width / image.width))).quantize(96)
    packed = io.BytesIO()
    small.save(packed, "PNG", optimize=True)
    return packed.getvalue()


def main(names):
    """Execute notebooks, by default all, and write their pages."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            text, pictures = page(execute(path, folder), path.stem)
            text = text.replace(f"{os.path.realpath(folder)}/", "").replace(f"{folder}/", "")
        PAGES.mkdir(exist_ok=True)
        (PAGES / f"{path.stem}.md").write_text(text, encoding="utf-8")
        for name, data in pictures.items():
            (PAGES / name).write_bytes(smaller(data))
        print(f"{path.stem}: {len(pictures)} figures")


if __name__ == "__main__":
    main(sys.argv[1:])
