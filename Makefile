# `make matrix` and `make test` set up everything they need, once. The plain commands behind them are in the README.
PYTHON ?= python3
VENV ?= .venv
MATRIX ?= quick
ARGS ?=
BIN := $(VENV)/bin

.PHONY: matrix test chromium page-test lint bench compare-speed compare-rliable cluster-test wheel-test docs soak clean
.DEFAULT_GOAL := help

help:
	@echo "make matrix               run the quick matrix, then its tables and figures (MATRIX=classic, ARGS='--seeds 5' to change)"
	@echo "make test                 run the whole test suite"
	@echo "make page-test            open the report's page in headless Chromium, which it installs if there is none (Debian, root)"
	@echo "make lint                 ruff and mypy"
	@echo "make bench                time the curvature kernel and the training loop"
	@echo "make compare-speed        time training beside other libraries, each in an environment of its own"
	@echo "make compare-rliable      statistics across environments beside rliable's, in an environment of its own"
	@echo "make cluster-test         run a matrix on a real one-node SLURM, which it installs (Debian, root)"
	@echo "make wheel-test           build the wheel, and run a small matrix with it in an empty environment"
	@echo "make docs                 the API reference as HTML, in docs/, from the docstrings"
	@echo "make soak                 ten minutes of random faults against a small matrix (ARGS='--seed 1')"
	@echo "make clean                remove the virtual environment and caches; results stay"

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python >= 3.11 is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "cannot create a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[dev,peers,minatar,atari]'
	@touch $@

matrix: $(VENV)/.ready
	$(BIN)/python experiments/run_matrix.py $(MATRIX) $(ARGS)

test: $(VENV)/.ready
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

chromium:
	@command -v chromium chromium-browser google-chrome >/dev/null || { apt-get update -q && apt-get install -y -q chromium; } \
		|| { echo "no Chromium: apt-get install chromium as root, or $(BIN)/python -m playwright install chromium" >&2; exit 1; }

page-test: $(VENV)/.ready chromium
	$(BIN)/python -m pytest tests/analysis/page $(ARGS)

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.ready
	@mkdir -p results
	$(BIN)/python -m pytest tests/benchmarks --benchmark-only --benchmark-group-by=group --benchmark-json=results/benchmarks.json $(ARGS)
	@echo "kept in results/benchmarks.json; compare with an earlier file: python -m analysis.benchmarks before.json results/benchmarks.json"

# every peer of the race in an environment of its own; torch 2.13 everywhere, and what rejax 0.1.3 was written for
PIP := pip install --disable-pip-version-check --quiet
$(VENV)-sbx/.ready: PACKAGES = 'sbx-rl==0.28.0' 'jax==0.10.2' 'gymnasium[classic-control,mujoco]==1.4.0' 'torch>=2.13,<2.14'
$(VENV)-rejax/.ready: PACKAGES = 'rejax==0.1.3' 'gymnax==0.0.9' 'jax==0.10.2'
$(VENV)-skrl/.ready: PACKAGES = 'skrl==2.1.1' 'gymnasium[classic-control,mujoco]==1.4.0' 'torch>=2.13,<2.14'
$(VENV)-rltools/.ready: PACKAGES = 'rltools==2.2.1'
$(VENV)-%/.ready:
	$(PYTHON) -m venv $(VENV)-$*
	$(VENV)-$*/bin/$(PIP) $(PACKAGES)
	@touch $@

$(VENV)-rltools/bin/rltools_ppo: tests/benchmarks/racers/rltools_ppo.cpp $(VENV)-rltools/.ready
	g++ -std=c++17 -O3 -march=native -ffast-math -DRL_TOOLS_BACKEND_ENABLE_OPENBLAS -DRLTOOLS_VERSION='"2.2.1"' \
		-I $$($(VENV)-rltools/bin/python -c 'import rltools; print(*rltools.__path__)')/external/rl_tools/include \
		$< -lopenblas -o $@  # Debian: apt-get install g++ libopenblas-dev

compare-speed: $(VENV)/.ready
	-@$(MAKE) --keep-going $(addsuffix /.ready,$(addprefix $(VENV)-,sbx rejax skrl)) $(VENV)-rltools/bin/rltools_ppo
	$(BIN)/python tests/benchmarks/compare_speed.py $(ARGS)

$(VENV)-rliable/.ready:
	$(PYTHON) -m venv $(VENV)-rliable
	$(VENV)-rliable/bin/pip install --disable-pip-version-check --quiet 'rliable==1.2.0' 'pandas<3' 'scipy>=1.17'
	@touch $@

compare-rliable: $(VENV)-rliable/.ready
	PYTHONPATH=. $(VENV)-rliable/bin/python tests/analysis/compare_rliable.py $(ARGS)

cluster-test: $(VENV)/.ready
	bash tests/clusters/slurm.sh || [ $$? = 77 ]  # 77: its packages cannot be had here, and it has said so

wheel-test:
	PYTHON=$(PYTHON) bash tests/wheel.sh

docs: $(VENV)/.ready
	$(BIN)/python .ci/docs.py docs

soak: $(VENV)/.ready
	PYTHONPATH=. $(BIN)/python tests/experiments/chaos.py --seconds 600 --seeds 10 $(ARGS)

clean:
	rm -rf $(VENV) $(VENV)-rliable $(addprefix $(VENV)-,sbx rejax skrl rltools) .pytest_cache .mypy_cache .ruff_cache .benchmarks
