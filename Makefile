# Every target first makes .venv in this folder if it is missing or out of date.
#   make install PYTHON=python3.11          with another Python (`make clean` first if .venv exists)
#   make install EXTRAS=test,gpu            with TensorFlow's CUDA libraries
PYTHON ?= python3
EXTRAS ?= test,docs
RUN := .venv/bin/python
# One process per core, at most four; the tests of a file stay together, as they share what was computed for them.
PARALLEL ?= -n auto --maxprocesses 4 --dist loadfile
INSTALLED := .venv/.installed-$(EXTRAS)

# What another environment exports must not leak into ours.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help install demo selftest gui test test-slow test-install test-install-if-changed lint docs pictures benchmark clean

help:
	@echo "make demo       install, simulate particles, refine them through Scipion, print a table"
	@echo "make selftest   install, refine simulated particles and hold them against the truth: PASS or FAIL by stage"
	@echo "make gui        open the project of the last demo in Scipion's desktop (make gui DEMO=folder for one made elsewhere)"
	@echo "make test       install, run the tests of the engine and of the plugin"
	@echo "make install    only make the environment .venv (make install EXTRAS=test,gpu for a GPU)"
	@echo "make test-slow  the long tests too"
	@echo "make test-install  both distributions by pip and by Scipion's installer, in new environments; some ten minutes"
	@echo "make lint       code style, import rules and types"
	@echo "make docs       the site, in build/site; needs no network"
	@echo "make pictures   the pictures of the site and its pages of notebooks; some minutes"
	@echo "make benchmark  the numbers of benchmarks/README.md"
	@echo "make clean      remove .venv"

install: $(INSTALLED)

demo: install
	@$(RUN) -m scipion_gmmrefine.demo $(DEMO)

selftest: install
	@$(RUN) -m gmmrefine selftest

gui: install
	@$(RUN) -m scipion_gmmrefine.demo --open $(DEMO)

test: install
	$(RUN) -m pytest $(PARALLEL) tests
	$(RUN) -m pytest $(PARALLEL) scipion_gmmrefine/tests

test-slow: install
	$(RUN) -m pytest $(PARALLEL) -m "not gpu" tests
	$(RUN) -m pytest $(PARALLEL) -m "not gpu" scipion_gmmrefine/tests

# What decides how the distributions are built and installed; .ci/packaging_tested holds its state when that was last tried.
PACKAGING := pyproject.toml setup.py MANIFEST.in LICENSE build_hooks engine/pyproject.toml engine/LICENSE engine/gmmrefine/backend.py \
	scipion_gmmrefine/__init__.py scipion_gmmrefine/install_engine.py scipion_gmmrefine/engine.py tests/install
PACKAGING_STATE = $$(find $(PACKAGING) -type f ! -name '*.pyc' | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d' ' -f1)

test-install: install
	$(RUN) -m pytest -m install tests/install
	echo "$(PACKAGING_STATE)" > .ci/packaging_tested

test-install-if-changed: install
	@if [ "$$(cat .ci/packaging_tested 2>/dev/null)" = "$(PACKAGING_STATE)" ]; then \
		echo "packaging is as it was when 'make test-install' last passed"; \
	else $(MAKE) test-install; fi

lint: install
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) .venv/bin/lint-imports
	$(RUN) -m mypy

docs: install
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet
	@echo "build/site/index.html"

pictures: install
	$(RUN) docs/make_pictures.py
	$(RUN) docs/run_notebooks.py

benchmark: install
	set -e; for script in $(filter-out benchmarks/gpu.py,$(wildcard benchmarks/*.py)); do $(RUN) "$$script"; done

clean:
	rm -rf .venv

$(INSTALLED): pyproject.toml setup.py engine/pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON) here. Name a Python 3.8 to 3.12: make install PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c "$$CHECK_PYTHON"
	@case "$(CURDIR)" in *" "*) echo "$(CURDIR) has a blank in its path, and Scipion cannot start programs from there. Move this folder." >&2; exit 1;; esac
	@echo "Making .venv: TensorFlow, Scipion's packages and this plugin; some minutes and a few GB."
	@$(RUN) --version 2>/dev/null | grep -qxF "$$("$(PYTHON)" --version)" || "$(PYTHON)" -m venv --clear .venv
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable ".[$(EXTRAS)]"
	@touch "$@"

define CHECK_PYTHON
import sys
from importlib import import_module
name = "$(PYTHON)"
if not (3, 8) <= sys.version_info[:2] <= (3, 12):
    sys.exit("%s is Python %d.%d; 3.8 to 3.12 is needed. Name another: make install PYTHON=python3.11" % ((name,) + tuple(sys.version_info[:2])))
for module, use, package in (("tkinter", "Scipion imports it even without a display", "python3-tk"), ("ensurepip", "a new environment needs it", "python3-venv")):
    try:
        import_module(module)
    except ImportError:
        sys.exit("%s has no %s (%s). On Debian or Ubuntu: apt-get install %s" % (name, module, use, package))
endef
export CHECK_PYTHON
