"""The notebooks of examples/ run from their first to their last cell and show what they promise."""

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat, which reads notebooks, is not installed (extra test)")
nbclient = pytest.importorskip("nbclient", reason="nbclient, which executes notebooks, is not installed (extra test)")
pytest.importorskip("ipykernel", reason="ipykernel, in which notebooks run, is not installed (extra test)")

NOTEBOOKS = {  # name → what stands in the outputs, and how many figures
    "refine": (["rotation error", "resolution"], 2),
    "motions": (["both halves move alike"], 3),
    "audit": (["A/ATP 1503"], 2),
    "half_maps": (["share images"], 3),
}


def test_every_notebook_is_executed_and_stored_without_outputs(repository):
    paths = sorted((repository / "examples").glob("*.ipynb"))
    assert {path.stem for path in paths} == set(NOTEBOOKS)
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert not any(cell.get("outputs") for cell in notebook.cells), f"{path.name} holds outputs: clear them"


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name, repository, tmp_path):
    notebook = nbformat.read(repository / "examples" / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = "\n".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)
    words, figures = NOTEBOOKS[name]
    for word in words:
        assert word in shown, shown
    assert sum("image/png" in output.get("data", {}) for output in outputs) == figures
