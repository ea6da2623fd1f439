# `make demo` shows what groundwire does, `make test` passes the tests. Both set themselves up on a fresh machine that
# has Python 3.11 or later; nothing is installed outside .venv and the caches of pip and of this project.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.NOTPARALLEL:
.PHONY: demo test test-stores test-rerankers test-postgres test-jaeger test-phoenix test-browser test-ray test-together test-litellm test-dspy test-weaviate test-weaviate-real test-adapters compatibility check format bench bench-clients bench-clients-apart judgement clean help

help: ## this list
	@awk -F ': .*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/installed-demo ## run the demo application on recorded answers (ARGS="--n 6", ARGS=--live)
	@$(BIN)/groundwire demo $(ARGS)

test: .venv/installed-test ## run the tests (ARGS="-k openai"); those with Jaeger run where it is installed
	$(BIN)/python -m pytest -q -n 2 --dist loadscope $(ARGS)

test-jaeger: .venv/installed-test ## install Jaeger into the cache and run the tests that need it
	sh tests/jaeger/install.sh
	GROUNDWIRE_REQUIRE_JAEGER=1 $(BIN)/python -m pytest -q -m jaeger $(ARGS)

test-phoenix: .venv/installed-test ## install Phoenix into the cache (850 MB) and run the tests that need it
	PYTHON=$(PYTHON) sh tests/phoenix/install.sh
	GROUNDWIRE_REQUIRE_PHOENIX=1 $(BIN)/python -m pytest -q -m phoenix $(ARGS)

test-browser: .venv/installed-browser ## install a Chromium where there is none, and run the tests of the report in it
	GROUNDWIRE_REQUIRE_BROWSER=1 $(BIN)/python -m pytest -q -m browser $(ARGS)

test-ray: .venv/installed-test ## install Ray (80 MB) and run the pipeline on a cluster of this machine, killing a node
	@$(PIP) install --editable '.[ray]'
	GROUNDWIRE_REQUIRE_RAY=1 $(BIN)/python -m pytest -q -m ray $(ARGS)

test-litellm: ## install LiteLLM into the cache (250 MB) and run its conformance tests
	PYTHON=$(PYTHON) sh tests/conformance/apart.sh litellm

test-dspy: ## install DSPy into the cache (400 MB) and run its conformance tests
	PYTHON=$(PYTHON) sh tests/conformance/apart.sh dspy

test-together: ## install Together's SDK into the cache (60 MB), apart as it wants an older rich, and run its conformance tests
	PYTHON=$(PYTHON) sh tests/conformance/apart.sh together

test-weaviate: ## install Weaviate's client into the cache (90 MB), as it holds grpcio back, and run its conformance tests
	PYTHON=$(PYTHON) sh tests/conformance/apart.sh weaviate

test-weaviate-real: ## build Weaviate's server into the cache (Go, some minutes, 3 GB of modules) and run its client against it too
	server=$$(sh tests/conformance/weaviate.sh) && GROUNDWIRE_WEAVIATE=$$server PYTHON=$(PYTHON) sh tests/conformance/apart.sh weaviate

test-stores: .venv/installed-test ## install LanceDB and milvus-lite (500 MB) and run the conformance suite on them
	@$(PIP) install --editable '.[lancedb,milvus]' 'milvus-lite>=2.5'
	$(BIN)/python -m pytest -q tests/conformance -k "lancedb or milvus" $(ARGS)

test-rerankers: .venv/installed-test ## install Sentence Transformers (PyTorch, 2 GB) and run the conformance suite on it
	@$(PIP) install --editable '.[sentence_transformers]'
	$(BIN)/python -m pytest -q tests/conformance -k sentence_transformers $(ARGS)

test-postgres: .venv/installed-test ## install drivers of PostgreSQL and run the conformance suite on them (initdb and postgres must be there)
	@$(PIP) install --group postgres
	$(BIN)/python -m pytest -q tests/conformance -k "pgvector or psycopg2 or asyncpg or vector_sql" $(ARGS)

test-adapters: ## install lettucedetect, ragas and deepeval into the cache (6 GB) and run the adapters against them
	PYTHON=$(PYTHON) sh tests/adapters/run.sh $(ARGS)

compatibility: .venv/installed-test ## run every provider with the lowest and the newest SDK (an hour; ARGS="--only openai qdrant")
	PYTHONPATH=tests $(BIN)/python -m compatibility $(ARGS)

check: .venv/installed-test .venv/installed-check ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

format: .venv/installed-check ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/installed-test ## measure what tracing costs, that no span is lost under load, and stored traces
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/soak.py
	$(BIN)/python benchmarks/stored.py

bench-clients: .venv/installed-test ## measure what tracing costs with each client (ARGS="cohere groq --calls 2000", ARGS=--streams)
	$(BIN)/python benchmarks/clients.py $(ARGS)

bench-clients-apart: ## the same for Together and LiteLLM, which test-together and test-litellm install
	@missed=0; for name in together litellm; do PYTHONPATH=src:instrumentation:evaluators \
	  $${XDG_CACHE_HOME:-$$HOME/.cache}/groundwire/conformance/$$name/bin/python benchmarks/clients.py $$name $(ARGS) \
	  || missed=1; done; exit $$missed

judgement: .venv/installed-test ## measure the judges on labelled sets (DATA=directory, ARGS="--quick")
	@test -n "$(DATA)" || { echo "make judgement DATA=directory of the labelled sets"; exit 1; }
	$(BIN)/python benchmarks/judgement/run.py $(DATA) $(ARGS)

clean: ## remove the virtual environment and what tools left behind
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# The stamps are newer than pyproject.toml when what it asks for is installed.

.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "groundwire needs Python 3.11 or later, $(PYTHON) is $$($(PYTHON) --version 2>&1); try make PYTHON=python3.12"; exit 1; }
	@echo "creating .venv"
	@$(PYTHON) -m venv .venv
	@$(PIP) install --upgrade 'pip>=25.1'  # the first that knows --group
	@touch $@

.venv/installed-demo: .venv/created pyproject.toml
	@echo "installing groundwire with the demo's libraries into .venv"
	@$(PIP) install --editable '.[demo]'
	@touch $@

.venv/installed-test: .venv/created pyproject.toml
	@echo "installing groundwire with the tests' libraries into .venv"
	@$(PIP) install --editable '.[openai,chroma,qdrant,local]' --group test
	@touch $@ .venv/installed-demo

.venv/installed-browser: .venv/installed-test
	@sh tests/browser/install.sh
	@$(PIP) install --group browser
	@touch $@

.venv/installed-check: .venv/created pyproject.toml
	@echo "installing the checkers into .venv"
	@$(PIP) install --group check
	@touch $@
