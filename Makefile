# Everything from a fresh clone: `make demo` and `make test` install what they need, then run.
# What may not be installed from here is named, with what to do about it.

PYTHON ?= python3
PYTEST_ARGS ?=
BENCH_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
DEMO := docs/demo
INSTALLED := $(VENV)/.installed
COMPILED := $(VENV)/.compiled
EXPRESS := $(DEMO)/node_modules/.installed
TYPESCRIPT := tests/typings/node_modules/.installed
FASTIFY := tests/snippets/node_modules/.installed
BENCH := benchmarks/.made

# The one variable pins the package, the other (newer pips) what builds it.
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt

# Where machines set it, each of the many processes that tests start would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

# $(call need,CHECK,DEBIAN PACKAGES,ADVICE): unless the check succeeds, install as root through apt-get, or say what to do.
need = { $(1); } >/dev/null 2>&1 || { \
	[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(2) >/dev/null \
	&& { $(1); } >/dev/null 2>&1; } || { echo "make: $(3)" >&2; exit 1; }

# Tests wait for processes half of their time: more of them than cores keep the cores busy.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2)

# $(call pytest,ARGUMENTS): of what PYTEST_ARGS chooses there may be nothing here.
pytest = $(BIN)/python -m pytest $(1) $(PYTEST_ARGS) $(if $(PYTEST_ARGS),|| [ $$? = 5 ])

.DEFAULT_GOAL := help
.PHONY: help demo test faults lint format texts clean python node postgres faketime nginx golang bench bench-quick
.PHONY: packages install compile wheel

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## Install, then send every event type to a receiver that checks the signatures
	@if command -v node && command -v npm; then $(MAKE) --no-print-directory $(EXPRESS); fi >/dev/null || true
	@$(BIN)/python $(DEMO)/run.py

test: $(if $(PYTEST_ARGS),$(INSTALLED),$(COMPILED)) $(EXPRESS) $(TYPESCRIPT) $(FASTIFY) | postgres faketime nginx golang ## Install, then run all tests (PYTEST_ARGS='-k name' runs some)
	@$(call pytest,-m alone $(if $(PYTEST_ARGS),,tests/faults)) # where they all are: to collect the others takes long
	@$(call pytest,-n $(WORKERS) -m 'not alone')

faults: $(INSTALLED) | postgres faketime nginx ## Put nodes to all faults in their whole size, some 20 minutes; each is counted
	@CSTAR_FAULTS=full $(call pytest,tests/faults --timeout 1200)

bench: $(BENCH)/.installed | postgres ## Measure cstar beside its peers, over an hour and a half (BENCH_ARGS='--rounds 1': half an hour)
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

bench-quick: $(BENCH)/.installed | postgres ## The same with less of everything, in under two minutes
	@$(BIN)/python -m benchmarks --quick $(BENCH_ARGS)

lint: $(INSTALLED) ## Check style, types and the floors
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED) ## Put the code in the common form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

texts: $(INSTALLED) ## Write completions/, help.txt, quick.txt and docs/commands.md anew
	$(BIN)/cstar completion show bash > completions/cstar.bash
	$(BIN)/cstar completion show zsh > completions/_cstar
	$(BIN)/cstar completion show fish > completions/cstar.fish
	$(BIN)/cstar completion show powershell > completions/cstar.ps1
	$(BIN)/python -m tests.contract.help_texts > .help.txt && mv .help.txt cstar_cli/help.txt
	$(BIN)/python -m tests.contract.quick_options > .quick.txt && mv .quick.txt cstar_cli/quick.txt
	$(BIN)/python -m tests.contract.commands_page > docs/commands.md

clean: ## Remove all that the other targets made
	rm -rf $(VENV) $(DEMO)/node_modules tests/typings/node_modules tests/snippets/node_modules $(BENCH) benchmarks/results dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt | python
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --editable '.[dev]' # most of it is never loaded
	@touch $@

$(COMPILED): $(INSTALLED) # the tests, which each of their workers would compile otherwise; what is wrong there they tell
	@$(BIN)/python -m pytest --quiet --collect-only >/dev/null || true
	@touch $@

$(EXPRESS) $(TYPESCRIPT) $(FASTIFY): %/node_modules/.installed: %/package.json | node
	cd $* && npm install --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

# What is measured has an environment without the tools of development, for these lengthen every start. What can't be
# had of the peers and of the limit is named in the table.
$(BENCH)/.installed: $(INSTALLED) benchmarks/package.json benchmarks/limit/relay.c
	@rm -rf $(BENCH) && mkdir -p $(BENCH)/without-uvloop
	@$(PYTHON) -m venv --without-pip $(BENCH)/clean
	@$(PYTHON) -m venv $(BENCH)/venv
	@$(BENCH)/venv/bin/pip install --quiet --disable-pip-version-check --upgrade pip # older ones write a script that loads `re`
	@$(BENCH)/venv/bin/pip install --quiet --disable-pip-version-check --editable '.[postgres]'
	@echo 'raise ImportError("left out for this measurement")' > $(BENCH)/without-uvloop/uvloop.py
	@cp benchmarks/package.json $(BENCH)
	-@cd $(BENCH) && npm install --no-package-lock --no-audit --no-fund --loglevel=error
	-@$(CC) -O2 -Wall -o $(BENCH)/relay benchmarks/limit/relay.c
	@touch $@

# The parts of .ci/run. Packages come one after the other: apt-get can't run twice at once.
packages: | python node postgres faketime nginx golang

install: $(INSTALLED) $(EXPRESS) $(TYPESCRIPT) $(FASTIFY)

compile: $(COMPILED)

# What a user installs is a wheel: its fixtures and migrations must be inside, and nothing of this folder may be needed.
wheel: $(EXPRESS) | python
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(PYTHON) -m venv "$$folder/venv" \
	&& "$$folder/venv/bin/pip" install --quiet --disable-pip-version-check . && cd "$$folder" \
	&& venv/bin/cstar completion show bash >/dev/null && venv/bin/python "$(CURDIR)/$(DEMO)/run.py"

python:
	@$(call need,command -v $(PYTHON),python3 python3-venv,Python is missing: install Python 3.11 or newer.)
	@$(call need,$(PYTHON) -c 'import ensurepip',python3-venv,$(PYTHON) can not make environments: install python3-venv.)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "make: $(PYTHON) is older than 3.11: name a newer one, as in make test PYTHON=python3.12" >&2; exit 1; }

node:
	@$(call need,node --version && npm --version,nodejs npm,Node is missing: install Node 18 or newer with npm.)

postgres:
	@$(call need,command -v initdb || ls /usr/lib/postgresql/*/bin/initdb,postgresql,PostgreSQL is missing: install its server (13 or newer).)

faketime:
	@$(call need,find /usr/lib /usr/local/lib -name libfaketimeMT.so.1 | grep -q .,faketime,libfaketime is missing: install the package faketime.)

nginx:
	@$(call need,command -v nginx || ls /usr/sbin/nginx,nginx-light,nginx is missing: install it.)

golang:
	@$(call need,command -v go,golang-go,Go is missing: install it (1.18 or newer).)
