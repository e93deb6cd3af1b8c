# Two commands matter: `make predict` and `make test`. Each creates the environment it needs.
#
#   PYTHON=python3.12   the interpreter to build the environment with (3.11 to 3.13)
#   VENV=.venv-3.12     where the environment lies
#   WORKERS=2           processes that run the tests (0: none but pytest); by default one a core, at most 4
#   ARGS="..."          further arguments of the command that is run, as in make test ARGS="-k bim"

SHELL := /bin/sh
VENV ?= .venv
PYTHON ?=
ARGS ?=
WORKERS ?= logical --maxprocesses 4
# Without --no-compile, bytecode of thousands of modules that are never imported doubles the time.
PIP_FLAGS := --quiet --quiet --disable-pip-version-check --no-input --no-compile

BIN := $(VENV)/bin
# Neighbouring tests share what they prepare: each process gets a stretch, and takes over what others
# have left when it is done with its own.
SPREAD := --numprocesses $(WORKERS) --dist worksteal
# A stamp is written last, so an interrupted installation is taken up again by the next call.
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
REQUIREMENTS := pyproject.toml simulator/_version.py $(wildcard constraints/*.txt)
# An environment knows its checkout by path: in a moved or copied checkout it is made anew.
MADE_IN := $(shell cat "$(INSTALLED)" 2>/dev/null)
MOVED := $(if $(MADE_IN),$(if $(filter-out $(CURDIR),$(MADE_IN)),moved))

.DEFAULT_GOAL := help
.PHONY: moved help predict test lint format types layers notebooks docs wheel check figure \
    findings-page constraints clean

help:  ## list the commands
	@echo "steroidsim: make <command> [PYTHON=python3.12] [VENV=.venv] [ARGS=...]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'

predict: $(INSTALLED)  ## predict the steroid response of every cell; writes results/
	@"$(BIN)/steroidsim" predict $(ARGS)

test: $(INSTALLED_DEV)  ## run the whole test suite
	@"$(BIN)/python" -m pytest $(SPREAD) $(ARGS)

lint: $(INSTALLED_DEV)  ## check style and formatting
	@"$(BIN)/python" -m ruff check .
	@"$(BIN)/python" -m ruff format --check .

format: $(INSTALLED_DEV)  ## put the code into the project's format
	@"$(BIN)/python" -m ruff check --fix .
	@"$(BIN)/python" -m ruff format .

types: $(INSTALLED_DEV)  ## check the types
	@"$(BIN)/python" -m mypy

layers: $(INSTALLED_DEV)  ## check that imports point downwards only
	@"$(BIN)/lint-imports" --no-logo --no-cache

# Each is executed where it lies, two at a time; the copy with results goes to build/notebooks/.
# A backend named in the environment (as .ci/run does) would leave the copies without figures.
notebooks: $(INSTALLED_DEV)  ## execute every notebook (the files stay as they are)
	@mkdir -p build/notebooks
	@printf '%s\n' notebooks/*.ipynb | xargs -P 2 -I {} sh -c 'echo "executing {}"; \
	    MPLBACKEND=module://matplotlib_inline.backend_inline \
	    "$(BIN)/jupyter-execute" --kernel_name=python3 --timeout=600 \
	    --output="$(CURDIR)/build/{}" "{}" || { echo "{} failed" >&2; exit 255; }'

# The checkout is the source folder, so that links lead to the same place there and in the site.
# Pages that have not changed are kept with their figures; ARGS=-E makes all anew.
docs: $(INSTALLED_DEV)  ## build the documentation's site; shows notebooks as last executed
	@"$(BIN)/python" -m sphinx -q -W --keep-going -c docs . build/docs $(ARGS)
	@echo "wrote build/docs/index.html"

wheel: $(INSTALLED_DEV)  ## build the wheel and load the bundled model from it
	@rm -rf build/wheel && mkdir -p build/wheel
	@"$(BIN)/python" -m pip wheel --quiet --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel .
	@"$(BIN)/python" -m pip install $(PIP_FLAGS) --no-deps --target build/wheel/site build/wheel/*.whl
	@PYTHONPATH=build/wheel/site "$(BIN)/python" -P -c "$$CHECK_WHEEL"

check: lint types layers notebooks docs wheel  ## everything that is checked besides the tests

figure: predict  ## renew the README's figure from a prediction
	@mkdir -p docs/figures
	@"$(BIN)/python" -c "$$SHRINK_FIGURE" results/prediction.png docs/figures/prediction.png

findings-page: $(INSTALLED)  ## renew docs/findings.md with its panels
	@rm -rf docs/figures/findings
	@"$(BIN)/steroidsim" findings --page docs/findings.md $(ARGS)

# Resolves afresh within the ranges of pyproject.toml, runs the whole suite on what came out, and
# only then pins it. Call it once per Python: make constraints PYTHON=python3.12
constraints:  ## pin the newest versions on which the suite passes (for one Python)
	@rm -rf .venv-constraints
	@$(FIND_PYTHON); \
	"$$python" -m venv .venv-constraints && \
	.venv-constraints/bin/python -m pip install $(PIP_FLAGS) --editable '.[dev]' && \
	.venv-constraints/bin/python -m pytest $(SPREAD) $(ARGS) && \
	file=constraints/python-$$(.venv-constraints/bin/python -c "$$MINOR_VERSION").txt && \
	.venv-constraints/bin/python -m pip list --disable-pip-version-check --format=freeze \
	    --exclude-editable --exclude pip --exclude setuptools > "$$file.new" && \
	mv "$$file.new" "$$file" && rm -rf .venv-constraints && echo "wrote $$file"

moved:
	@echo "this checkout was moved or copied: its environment is made anew"
	@rm -rf "$(VENV)"

clean:  ## remove the environment, results, builds and caches
	rm -rf "$(VENV)" .venv-constraints results build dist .mypy_cache .ruff_cache .pytest_cache \
	    .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): $(REQUIREMENTS) $(MOVED)
	@$(call INSTALL,.)
	@pwd > "$@"

$(INSTALLED_DEV): $(REQUIREMENTS) $(MOVED)
	@$(call INSTALL,.[dev])
	@pwd > "$(INSTALLED)"
	@touch "$@"

# --- Finding Python and filling the environment -------------------------------------------------

define MINOR_VERSION
import sys; print("%d.%d" % sys.version_info[:2])
endef
define CHECK_PYTHON
import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else 1)
endef
define CHECK_WHEEL
import pathlib, simulator
here = pathlib.Path("build/wheel/site").resolve()
assert here in pathlib.Path(simulator.__file__).resolve().parents, simulator.__file__
model = simulator.load("steroid_response")
assert here in pathlib.Path(model.definition.folder).resolve().parents, model.definition.folder
print(f"the wheel of steroidsim {simulator.__version__} carries {model.definition.name}")
endef
# A committed picture is downloaded with every clone: half the size and 256 colours are enough.
define SHRINK_FIGURE
import sys
from PIL import Image
picture = Image.open(sys.argv[1]).convert("RGB")
picture = picture.resize((1600, round(1600 * picture.height / picture.width)), Image.Resampling.LANCZOS)
picture = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
picture.save(sys.argv[2], optimize=True)
endef
export MINOR_VERSION CHECK_PYTHON CHECK_WHEEL SHRINK_FIGURE

# Sets the shell variable `python`, or ends with a sentence. A name on the path may be a stub that
# only says how to install Python, so each candidate is asked to run.
define FIND_PYTHON
python=""; \
for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 python); do \
    if "$$candidate" -c "$$CHECK_PYTHON" >/dev/null 2>&1; then python="$$candidate"; break; fi; \
done; \
if [ -z "$$python" ]; then \
    echo "steroidsim needs Python 3.11, 3.12 or 3.13, and found none$(if $(PYTHON), at PYTHON=$(PYTHON));" \
         "install one, or name it: make $(or $(MAKECMDGOALS),predict) PYTHON=/path/to/python3.12" >&2; \
    exit 1; \
fi; \
if ! "$$python" -c "import ensurepip, venv" >/dev/null 2>&1; then \
    echo "$$("$$python" --version) at $$(command -v "$$python") cannot create environments (its venv" \
         "or ensurepip module is missing); install them (Debian and Ubuntu: apt install" \
         "python$$("$$python" -c "$$MINOR_VERSION")-venv), or name another Python with PYTHON=" >&2; \
    exit 1; \
fi
endef

# $(1): what to install. An environment without a working pip (an interrupted creation) is made anew.
define INSTALL
if ! "$(BIN)/python" -m pip --version >/dev/null 2>&1; then \
    $(FIND_PYTHON); \
    echo "creating $(VENV) with $$("$$python" --version)"; \
    "$$python" -m venv --clear "$(VENV)" || exit 1; \
fi; \
file=constraints/python-$$("$(BIN)/python" -c "$$MINOR_VERSION").txt; \
if [ -f "$$file" ]; then from="$$file"; pinned="--constraint $$file"; else from=pyproject.toml; pinned=""; fi; \
echo "installing steroidsim into $(VENV), versions from $${from} (a minute or two)"; \
"$(BIN)/python" -m pip install $(PIP_FLAGS) $$pinned --editable '$(1)' || { \
    echo "the installation did not finish; call make again to take it up" >&2; exit 1; }
endef
