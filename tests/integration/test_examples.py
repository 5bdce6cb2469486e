"""The examples run and show what they promise."""
import importlib.util


def test_refine_in_python(repository, tmp_path):
    path = repository / "examples" / "refine_in_python.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    before, after = example.main(tmp_path)
    assert after.rotation_rms < 0.8 * before.rotation_rms
    assert after.shift_rms < 0.6 * before.shift_rms
    assert (tmp_path / "fsc.png").stat().st_size > 5000
