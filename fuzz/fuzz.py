"""Fuzz the readers of all file formats with atheris (Python 3.11), one target a format, from valid seeds made here."""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "engine"), str(ROOT / "tests")]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SLOWEST, MOST_BYTES = 10.0, 1 << 16  # seconds for one file, beyond which it is a hang; size of an input


def fuzz(kind, seconds, output):
    """Fuzz one format in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["gmmrefine.io", "gmmrefine.pipelines", "gmmrefine.particles"]):
        from valid_files import FORMATS, arrays_in

        from gmmrefine.errors import InputError
    import numpy as np

    one, folder = FORMATS[kind], Path(tempfile.mkdtemp())
    path, corpus = folder / one.name, folder / "corpus"
    one.write(path)
    corpus.mkdir()
    (corpus / "valid").write_bytes(path.read_bytes())
    found, runs, ends = set(), 0, time.monotonic() + seconds

    def report():
        print(f"{kind}: {runs} executions, {len(found)} findings", flush=True)
        os._exit(0)

    def target(data):
        nonlocal runs
        runs += 1
        path.write_bytes(data)
        began, what = time.monotonic(), ""
        try:
            for array in arrays_in(one.read(path)):
                if array.dtype.kind == "f" and not np.isfinite(array).all():
                    what = "numbers that are not finite"
        except InputError as error:
            what = "a refusal of several lines" if "\n" in str(error) or not str(error) else ""
        except Exception as error:
            where = error.__traceback__
            while where.tb_next is not None:
                where = where.tb_next
            what = f"{type(error).__name__} at {Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}"
        if time.monotonic() - began > SLOWEST:
            what = "a hang"
        if what and what not in found:
            found.add(what)
            name = f"{kind.replace(' ', '_')}_{hashlib.sha256(data).hexdigest()[:8]}"
            output.mkdir(parents=True, exist_ok=True)
            (output / name).write_bytes(data)
            print(f"{kind}: {what} ({name})", flush=True)
        if time.monotonic() > ends:
            report()

    atheris.Setup([sys.argv[0], str(corpus), f"-max_len={MOST_BYTES}", "-rss_limit_mb=4096", "-verbosity=0"], target)
    atheris.Fuzz()


def main():
    """Fuzz one format, or all one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", default="all", help="a format of --list, or all")
    parser.add_argument("--seconds", type=float, default=600, help="for each format (default: 600)")
    parser.add_argument("-o", "--output", type=Path, default=Path("findings"), help="folder of inputs that were found")
    parser.add_argument("--list", action="store_true", help="name the formats")
    args = parser.parse_args()
    if args.kind != "all" and not args.list:
        fuzz(args.kind, args.seconds, args.output)  # imports the readers itself, to see which lines are reached
    from valid_files import FORMATS

    for kind in FORMATS:
        if args.list:
            print(kind)
            continue
        options = ["--seconds", str(args.seconds), "-o", str(args.output)]
        subprocess.run([sys.executable, __file__, kind, *options], check=False)


if __name__ == "__main__":
    main()
