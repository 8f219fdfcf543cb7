# One line each. Everything is installed into .venv; `make demo` and `make test` need nothing else done first.
PYTHON := .venv/bin/python
READY := .venv/ready-cpu
.PHONY: demo test test-hpc image lint bench lock clean

demo: $(READY); $(PYTHON) -m crrl.sandbox --check --line && $(PYTHON) launch.py --size tiny --follow $(ARGS)
# Three workers on two cores: many tests wait for processes.
test: $(READY); $(PYTHON) -m crrl.sandbox --check --line && $(PYTHON) -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)
test-hpc: $(READY); sh tests/hpc/provision.sh && $(PYTHON) -m pytest tests/hpc --timeout 1800 $(ARGS)
image: ; ./build_container.sh $(ARGS)
lint: $(READY); $(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check . && $(PYTHON) -m mypy --strict crrl launch.py
bench: $(READY); rc=0; for script in parser roundtrip rewards attack_similarity data_memory sandbox; do $(PYTHON) -m bench.$$script || rc=1; done; exit $$rc
lock: $(READY); sh requirements/lock.sh
clean: ; rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build *.egg-info

$(READY): requirements/cpu.txt requirements/setup.sh; sh requirements/setup.sh
