"""Try the whole installation on simulated particles whose truth is known: what to run after installing.

It takes less than three minutes on 2 cores.

Simulates particles of the embedded model, refines them, reconstructs at the true poses, and audits a map without one of its
ligands. Stages: simulate, refine (it ends), poses (rms rotation error at most 1.3 times the Cramér-Rao bound), resolution (at
most 5 % coarser than from true poses), Q-score (of the model in the map of its own atoms), audit (finds the ligand that was
left out and nothing else). One line each, PASS or FAIL; exit code 1 when one fails. Everything is removed afterwards unless -o
names a folder.
"""

import argparse
import importlib
import os
import tempfile
import time

from gmmrefine.commands.options import add_settings, settings_from
from gmmrefine.settings import THREADS, SelftestSettings


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("-o", "--output", metavar="DIR", help="new folder in which everything is kept (default: none)")
    add_settings(parser, SelftestSettings)


def run(args):
    """Run all stages and say which passed."""
    from gmmrefine.errors import InputError

    settings = settings_from(args, SelftestSettings)
    if args.output is None:
        with tempfile.TemporaryDirectory(prefix="gmmrefine_selftest_") as folder:
            return _run_in(folder, settings)
    if os.path.lexists(args.output) and (not os.path.isdir(args.output) or os.listdir(args.output)):
        raise InputError(f"{args.output} is there and not empty. Name a new folder with -o.")
    return _run_in(args.output, settings)


def _run_in(folder, settings):
    from gmmrefine.errors import EngineError

    started, failed, stages = time.monotonic(), [], _stages(folder, settings)
    for name, needs, stage in stages:
        began = time.monotonic()
        blocked = [one for one in needs if one in failed]
        if blocked:
            passed, text = False, f"not tried, as {blocked[0]} failed"
        else:
            passed, text = _tried(stage)
        if not passed:
            failed.append(name)
        print(f"{'PASS' if passed else 'FAIL'}  {name}: {text} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{len(stages) - len(failed)} of {len(stages)} stages passed in {time.monotonic() - started:.0f} s")
    if failed:
        raise EngineError(
            f"{len(failed)} of {len(stages)} stages failed: {', '.join(failed)}. Show 'gmmrefine doctor' and "
            "these lines to whoever installed it."
        )


def _tried(stage):
    """Whether a stage passed, and what it found or how it ended."""
    try:
        verdict = stage()
        return verdict.passed, verdict.text
    except Exception as error:  # whatever is broken in an installation is what this command is to find
        return False, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _stages(folder, settings):
    """Name, stages that must have passed, and what gives a Verdict: a list in order."""
    from gmmrefine.io.atoms import embedded_model
    from gmmrefine.pipelines import selftest

    simulated, refined, at_truth, audited, maps = (
        os.path.join(folder, name) for name in ("simulated", "refined", "at_truth", "audited", "maps")
    )
    computing = ["--device", settings.device] + ([THREADS.option, str(settings.threads)] if settings.threads else [])

    def simulate():
        _command("simulate", "6msm", "-o", simulated, *_options(selftest.SIMULATED), *computing)
        return selftest.simulation_verdict(simulated)

    def refine():
        _command("refine", os.path.join(simulated, "particles.star"), "-o", refined, *_options(selftest.REFINED), *computing)
        return selftest.Verdict(True, "ended by itself")

    def resolution():
        _command(
            "reconstruct",
            os.path.join(simulated, "truth.star"),
            "-o",
            at_truth,
            "--mask",
            os.path.join(refined, "mask.mrc"),
            *computing,
        )
        return selftest.resolution_verdict(refined, at_truth)

    def q_score():
        os.makedirs(maps, exist_ok=True)
        _command("audit", embedded_model(), *selftest.plant_loss(maps), "-o", audited)
        return selftest.q_verdict(audited)

    return [
        ("simulate", (), simulate),
        ("refine", ("simulate",), refine),
        ("poses", ("simulate", "refine"), lambda: selftest.poses_verdict(simulated, refined)),
        ("resolution", ("simulate", "refine"), resolution),
        ("Q-score", (), q_score),
        ("audit", (), lambda: selftest.audit_verdict(audited)),
    ]


def _command(name, *words):
    """Run one command as the command line does."""
    module = importlib.import_module(f"gmmrefine.commands.{name}")
    parser = argparse.ArgumentParser(prog=name)
    module.add_arguments(parser)
    module.run(parser.parse_args([str(word) for word in words]))


def _options(values):
    return [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", value)]
