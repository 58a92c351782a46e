# Volant's commands. `make run` and `make test` need Python 3.11 or newer, make and a package registry; nothing else.

PYTHON ?= python3
VENV ?= .venv
HOST ?= 127.0.0.1
PORT ?= 8000
PY = $(VENV)/bin/python
PIP = $(VENV)/bin/pip --disable-pip-version-check --quiet
TEMPLATES = templates

# OpenMP threads that spin while they wait take the cores of everything else on the machine.
export OMP_WAIT_POLICY ?= PASSIVE
ifdef VOLANT_VAR
export VOLANT_VAR
endif

.DEFAULT_GOAL := help
.PHONY: help run test test-all check format translations demo clean install install-dev install-web

help:
	@echo "make run [PORT=8000] [HOST=127.0.0.1] [VOLANT_VAR=dir]   the whole platform on this machine"
	@echo "make test [SLOW=1] [ARGS=...]   the tests            make check    format, lint, types, contracts"
	@echo "make demo [MODEL=smollm2]       the loop, no hands   make format   format the code"
	@echo "make bench-NAME                 bench/NAME.py        make clean    remove the environment and caches"
	@echo "make translations               texts of the interface into locale/, what is untranslated"
	@echo "make install-web                only what a web server needs: no torch, no embedded servers"

# --- the environment: made once, again when what it is made from changes

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Volant needs Python 3.11 or newer; \
	name one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make an environment here; on Debian: apt-get install \
	python3-venv" >&2; rm -rf $(VENV); exit 1; }

# torch goes first and alone: pip then takes the build that its own configuration offers (a CPU one, where that is set).
$(VENV)/.torch: constraints.txt | $(VENV)/bin/python
	@echo "Installing torch: some minutes the first time."
	@$(PIP) install -c constraints.txt torch
	@touch $@

$(VENV)/.run: pyproject.toml constraints.txt $(VENV)/.torch
	@echo "Installing what make run needs."
	@$(PIP) install -c constraints.txt '.[embedded,train]'
	@rm -rf build volant.egg-info
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt $(VENV)/.torch
	@echo "Installing what the tests need."
	@$(PIP) install -c constraints.txt '.[embedded,train,dev]'
	@rm -rf build volant.egg-info
	@touch $@ $(VENV)/.run

$(VENV)/.web: pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(PIP) install -c constraints.txt .
	@rm -rf build volant.egg-info
	@touch $@

install: $(VENV)/.run
install-dev: $(VENV)/.dev
install-web: $(VENV)/.web

# --- running

run: $(VENV)/.run
	@$(PY) -m config.stack --host $(HOST) --port $(PORT) $(ARGS)

demo: $(VENV)/.run
	@$(PY) -m bench.demo $(if $(MODEL),--model $(MODEL)) $(ARGS)

bench-%: $(VENV)/.dev
	@$(PY) -m bench.$(subst -,_,$*) $(ARGS)

# --- judging

test: $(VENV)/.dev
	@$(PY) -m pytest $(if $(SLOW),,-m "not slow") $(ARGS)

test-all: $(VENV)/.dev
	@$(PY) -m pytest $(ARGS)

check: $(VENV)/.dev
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy accounts config labeling training
	$(VENV)/bin/lint-imports
	$(PY) -W ignore manage.py makemigrations --check --dry-run
	$(VENV)/bin/djlint --lint --quiet --ignore H015,H020,H043 $(TEMPLATES)
	DJANGO_SETTINGS_MODULE=config.settings.production $(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING

# Only so that `check --deploy` has something to look at.
PRODUCTION = SECRET_KEY=for-check-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF \
	DATABASE_URL=postgres://nobody@localhost/nothing CELERY_BROKER_URL=redis://localhost/0 \
	VOLANT_PUBLIC_URL=https://volant.example.org ALLOWED_HOSTS=volant.example.org \
	VOLANT_ARTIFACTS=/srv/volant/artifacts HSTS_INCLUDE_SUBDOMAINS=true HSTS_PRELOAD=true

# The interface's texts: from the code into locale/*/LC_MESSAGES/django.po, and what still wants a translation.
translations: $(VENV)/.dev
	@$(PY) -m config.translations

format: $(VENV)/.dev
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

# Never var/: people's data is in it.
clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
