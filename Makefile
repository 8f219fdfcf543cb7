# One line each. Everything is installed into .venv; `make demo` and `make test` need nothing else done first.
PYTHON := .venv/bin/python
READY := .venv/ready-cpu
.PHONY: demo test lint bench lock clean

demo: $(READY); $(PYTHON) launch.py --size tiny --follow $(ARGS)
test: $(READY); $(PYTHON) -m pytest -n 2 $(ARGS)
lint: $(READY); $(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check . && $(PYTHON) -m mypy --strict crrl launch.py
bench: $(READY); $(PYTHON) bench/parser.py && $(PYTHON) bench/roundtrip.py && $(PYTHON) bench/rewards.py && $(PYTHON) bench/data_memory.py
lock: $(READY); sh requirements/lock.sh
clean: ; rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build *.egg-info

$(READY): requirements/cpu.txt requirements/setup.sh; sh requirements/setup.sh
