# make dashboard   serve the app on this machine          make test   everything that must hold
# `make` alone lists the rest. Python is chosen by  make PYTHON=/path/to/python3.11 ...

.DEFAULT_GOAL := help
.PHONY: help dashboard test prepare readme screenshot benchmark model browser clean

ENOUGH := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do $$p -c '$(ENOUGH)' 2>/dev/null && echo $$p && break; done)
HOST ?= 127.0.0.1
PORT ?= 8866
DEV := $(CURDIR)/.venv-dev/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## List these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile

dashboard: .venv/.installed ## Serve the dashboard on http://127.0.0.1:8866 (HOST= and PORT= change that)
	@.venv/bin/emotion-nb dashboard --host '$(HOST)' --port '$(PORT)'

test prepare readme screenshot benchmark model: export PATH := $(DEV):$(PATH)

test: .venv-dev/.installed browser ## Run the gate (tools/gate.py), then the tests in tests/
	@$(DEV)/python tools/gate.py
	@$(DEV)/python -m pytest

prepare: .venv-dev/.installed ## After an edit: clean the notebooks, export the library, write README.md
	@$(DEV)/nbdev_clean --fname nbs
	@$(DEV)/nbdev_clean --fname dashboards
	@$(DEV)/nbdev_export
	@$(DEV)/python tools/readme.py

readme: .venv-dev/.installed ## Write README.md from nbs/index.ipynb
	@$(DEV)/python tools/readme.py

screenshot: .venv-dev/.installed browser ## Take the pictures of the dashboard that the docs show
	@$(DEV)/python tools/screenshot.py

benchmark: .venv-dev/.installed ## Measure against the student project's pipeline, into benchmarks/RESULTS.md
	@$(DEV)/python benchmarks/benchmark.py

# glibc gives each batch's arrays back to the system, which took 40 % of a step's time; kept, training gives the same weights sooner.
model: export MALLOC_ARENA_MAX := 1
model: export MALLOC_MMAP_THRESHOLD_ := 33554432
model: export MALLOC_TRIM_THRESHOLD_ := 17179869184
model: export GLIBC_TUNABLES := glibc.malloc.hugetlb=1
model: .venv-dev/.installed ## Train the bundled model anew, both protocols (a few hours; taken up where it was), and write its card
	@emotion-nb train --seeds 3 --out runs/emotion
	@emotion-nb crossval --out runs/crossval
	@$(DEV)/python tools/ship.py runs/emotion runs/crossval

clean: ## Remove both environments and what was built
	rm -rf .venv .venv-dev build dist emotion_nb.egg-info

# The browser tests need a Chromium: the machine's own, or one that Playwright fetches, or, for root on Debian, the distribution's.
browser: .venv-dev/.installed
	@for b in chromium chromium-browser google-chrome; do command -v $$b >/dev/null && exit 0; done; \
	  echo 'Fetching Chromium for the browser tests ...'; $(DEV)/python -m playwright install chromium >/dev/null 2>&1 && exit 0; \
	  [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0; \
	  echo 'No Chromium could be fetched: install one, or the browser tests will fail.' >&2

# An environment is made once, and again when what it is made from changes.
# librosa's functions are compiled at their first import: done here, once and alone, because processes that do it at the
# same time leave a cache that crashes each later one (numba issue 10128).
.venv/.installed: EXTRA := dashboard
.venv/.installed: WARM := pass
.venv-dev/.installed: EXTRA := dev
.venv-dev/.installed: WARM := import librosa, pkgutil, importlib; [importlib.import_module(m.name) for m in pkgutil.walk_packages(librosa.__path__, 'librosa.')]
.venv/.installed .venv-dev/.installed: settings.ini setup.py constraints.txt
	@$(or $(PYTHON),false) -c '$(ENOUGH)' 2>/dev/null || { \
	  echo 'emotion_nb needs Python 3.11, 3.12 or 3.13: install one, or name it with  make PYTHON=/path/to/python3.11 ...' >&2; exit 1; }
	@$(@D)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(@D)
	@echo 'Installing emotion_nb[$(EXTRA)] into $(@D); this takes a minute or two ...'
	@$(@D)/bin/python -m pip install --quiet --use-pep517 --constraint constraints.txt --editable '.[$(EXTRA)]'
	@$(@D)/bin/python -c "$(WARM)"
	@touch $@
