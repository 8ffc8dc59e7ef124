# Kontor's commands. `make` alone lists them.

PYTHON ?= python3
VENV_PYTHON = .venv/bin/python
# Workers of the tests: more than cores, for half of a test's time is waiting.
TEST_WORKERS ?= 3
UV_COMPILE = $(VENV_PYTHON) -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: help run test check custody custody-faults prove fuzz bench bench-peers chaos mutants soak drill lock clean

help:
	@echo "make run     start the exchange with a demo market on PORT (default 8000); BOTS=off for a silent one"
	@echo "make test    all tests, on three workers; TEST_WORKERS=4 for more"
	@echo "make check   format, lint, types, import floors, migrations, OpenAPI and AsyncAPI in step"
	@echo "make custody deposits and withdrawals against a simulated chain, and against the nodes that are here; BITCOIND=/path/to/bitcoind adds one"
	@echo "make custody-faults   1,000 withdrawals and 500 reorganisations under random faults; FAULTS_SEED=7 for others"
	@echo "make prove   the engine against its oracle over ten million drawn commands; ARGS='--commands 1_000_000 --seed 7'"
	@echo "make fuzz    random requests over the documents of stream and REST; ARGS='rest --requests 1000 --seed 7'"
	@echo "make bench   the figures of docs/benchmarks.md, also written to .state/bench.json; ARGS=durable for a part"
	@echo "make bench-peers   the engine beside other engines that Python can install, on one stream of orders"
	@echo "make chaos   faults under load and the defects that they must find; ARGS='--kills 1000' for the long form"
	@echo "make mutants small defects in engine and books, one at a time: do the tests notice? hours; ARGS=engine for a part"
	@echo "make soak    a mixed load for 20 minutes: what grows, what gets slower; ARGS='--minutes 60'"
	@echo "make drill   backup while trading, restore to a moment, verification"
	@echo "make lock    lock the dependencies by hash after a change of pyproject.toml; UPGRADE=--upgrade takes the newest of all"
	@echo "make clean   remove .state (all demo data), .venv and the modules of the site"

# Each line is one program, so that make hands a signal to the program itself and not to a shell in between.
run:
	@$(PYTHON) etc/bootstrap.py run
	@$(VENV_PYTHON) -m exchange.launch --stop-with-parent

test:
	@$(PYTHON) etc/bootstrap.py dev
	$(VENV_PYTHON) -m pytest -n $(TEST_WORKERS)

check:
	@$(PYTHON) etc/bootstrap.py dev
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m mypy
	.venv/bin/lint-imports
	$(VENV_PYTHON) -m exchange.launch.database -- $(VENV_PYTHON) manage.py makemigrations --check --dry-run accounts funding ledger trading
	$(VENV_PYTHON) -m exchange.launch.database -- $(VENV_PYTHON) manage.py openapi --check
	$(VENV_PYTHON) -m exchange.launch.database -- $(VENV_PYTHON) manage.py asyncapi --check

custody:
	@$(PYTHON) etc/bootstrap.py dev
	$(VENV_PYTHON) -m pytest tests/custody bitcoind_proxy funding $(ARGS)

custody-faults:
	@$(PYTHON) etc/bootstrap.py dev
	FAULTS_WITHDRAWALS=1000 FAULTS_REORGANISATIONS=500 $(VENV_PYTHON) -m pytest -s tests/custody/test_fault_run.py $(ARGS)

prove:
	@$(PYTHON) etc/bootstrap.py dev
	$(VENV_PYTHON) -m tests.prove $(ARGS)

fuzz:
	@$(PYTHON) etc/bootstrap.py dev
	$(VENV_PYTHON) -m tests.fuzz $(ARGS)

bench:
	@$(PYTHON) etc/bootstrap.py dev
	$(VENV_PYTHON) -m benchmarks $(ARGS)

bench-peers:
	@$(PYTHON) etc/bootstrap.py dev
	$(VENV_PYTHON) -m benchmarks.peers $(ARGS)

chaos:
	@$(PYTHON) etc/bootstrap.py dev
	$(VENV_PYTHON) -m tests.chaos $(ARGS)
	$(if $(ARGS),,$(VENV_PYTHON) -m tests.chaos --mutants)

mutants:
	@$(PYTHON) etc/bootstrap.py dev
	$(VENV_PYTHON) -m tests.mutants $(ARGS)

soak:
	@$(PYTHON) etc/bootstrap.py dev
	$(VENV_PYTHON) -m benchmarks.soak $(ARGS)

drill:
	@$(PYTHON) etc/bootstrap.py dev
	$(VENV_PYTHON) -m exchange.launch.drill $(ARGS)

lock:
	@$(PYTHON) etc/bootstrap.py dev
	$(UV_COMPILE) pyproject.toml --output-file etc/requirements/run.txt
	$(UV_COMPILE) pyproject.toml --group dev --output-file etc/requirements/dev.txt
	$(UV_COMPILE) --group node --output-file etc/requirements/node.txt
	$(UV_COMPILE) --group build --output-file etc/requirements/build.txt

clean:
	@$(PYTHON) etc/clean.py
