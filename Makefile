# One command to see it (make demo), one to test it (make test). Both make .venv first.
#   PYTHON=python3.12     interpreter of a new .venv (3.11, 3.12 or 3.13; `make clean` drops the old one)
#   NIGHT=sa112|wfi    night of the demo        OPEN=no  stop after the summary
#   HISTORY=yes|200000 five years of simulated calibrations instead, without pixels
.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint bench docs screenshots browser clean
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile
export PYTHON

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

# One stamp per set of extras, keyed on what decides the content of the environment.
DECIDING := pyproject.toml binder/install $(wildcard jupyter-config/*/*.json jupyter-config/*/*/*)

$(VENV)/for-users: $(DECIDING)
	@echo "awlab: installing into $(VENV) (a few minutes the first time)"
	@binder/install $(VENV)
	@touch $@

$(VENV)/for-developers: $(DECIDING)
	@echo "awlab: installing with test and lint tools into $(VENV) (a few minutes the first time)"
	@binder/install $(VENV) test,lint,bench
	@touch $@ $(VENV)/for-users

demo: $(VENV)/for-users ## a real night (or a simulated one) pulled through, then JupyterLab on it
	@$(BIN)/awlab assets || true
	@$(BIN)/awlab demo $(if $(NIGHT),--night $(NIGHT)) $(if $(HISTORY),--history $(filter-out yes,$(HISTORY))) $(if $(filter no,$(OPEN)),--no-open)

test: $(VENV)/for-developers browser ## everything: lint, then all tests; pytest's line comes last
	@bad=0; $(MAKE) --no-print-directory lint || bad=1; \
	$(PYTEST) $(ARGS) || exit; \
	[ $$bad = 0 ] || { echo "The tests passed, lint did not: see above."; exit 1; }

test-fast: $(VENV)/for-developers ## unit and architecture tests, about a minute
	@$(PYTEST) -m "not (slow or science or integration or browser or network)" $(ARGS)

lint: $(VENV)/for-developers ## ruff, mypy --strict, import arrows
	@bad=0; \
	$(BIN)/ruff check || bad=1; \
	$(BIN)/ruff format --check || bad=1; \
	$(BIN)/mypy || bad=1; \
	$(BIN)/lint-imports --no-logo || bad=1; \
	$(BIN)/lint-imports --no-logo --config tests/architecture/cycles.toml || bad=1; \
	exit $$bad

bench: $(VENV)/for-developers ## the figures: ratios against a floor measured in the same run
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

docs: $(VENV)/for-users ## the reference pages, written from the classes
	@$(BIN)/python docs/make_reference.py

screenshots: $(VENV)/for-developers browser ## pictures of every dashboard and widget, into screenshots/
	@$(BIN)/python docs/make_screenshots.py

# Root gets the browser that the tests drive; a user without one is told, and those tests skip.
browser:
	@if [ -z "$(wildcard tests/browser/*.py)" ] || command -v chromium >/dev/null 2>&1 || \
	    command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1; \
	then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    echo "awlab: installing Chromium for the browser tests"; \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else echo "NO CHROMIUM: the browser tests will be skipped"; \
	fi

clean: ## .venv, caches and build output; never data
	@rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@rm -rf .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
