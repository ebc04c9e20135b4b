# What a newcomer needs: `make demo`, then `make test`. Everything is set up by the targets themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test soak fuzz check format services golden bench conda-channel clean

$(VENV)/ready: pyproject.toml
	@echo "setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready
	@echo "setting up the development tools ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/ready  ## build an example image from its lock
	@$(BIN)/envbuild build //examples/sklearn:train
	@$(BIN)/python examples/next_steps.py //examples/sklearn:train

test: $(VENV)/ready-dev  ## style, types, import directions, and the whole test suite
	@sh tests/run.sh $(BIN)

soak: $(VENV)/ready-dev  ## kill a thousand commands at random moments; takes half an hour
	ENVBUILD_KILLS=$${ENVBUILD_KILLS:-1000} $(BIN)/python -m pytest tests/e2e/test_crashes.py

fuzz: $(VENV)/ready-dev  ## try 20,000 changed inputs on each parser; takes hours, and half as many half as long
	ENVBUILD_FUZZ=$${ENVBUILD_FUZZ:-20000} $(BIN)/python -m pytest -n2 tests/fuzz

check: $(VENV)/ready-dev  ## style, types and import directions
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/ready-dev
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

golden: $(VENV)/ready-dev  ## write the golden files again; read the difference before you commit it
	$(BIN)/python -m tests.golden.layers && $(BIN)/python -m tests.golden.keys && $(BIN)/python -m tests.golden.definitions

bench: $(VENV)/ready-dev  ## measure side by side with other tools; as root, takes some minutes (docs/performance.md)
	@$(BIN)/python -m benchmarks $(ROWS)

conda-channel: $(VENV)/ready-dev  ## make the channel of examples/conda: Debian's Python and wheels as conda packages
	@$(BIN)/python -m tests.makers.faithful_channel examples/conda/channel

clean:
	rm -rf $(VENV) .bench .nox .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
