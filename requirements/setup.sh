#!/bin/sh
# Makes .venv with Python 3.11 and everything in requirements/cpu.txt. Run by `make demo` and `make test`.
# Needs python3 (any 3.x that can make a virtual environment or has pip). uv installs; pip fetches uv where it is missing.
set -eu
cd "$(dirname "$0")/.."
export PIP_ROOT_USER_ACTION=ignore  # what pip installs here is .venv's alone
say() { echo "setup: $*" >&2; }

# A wheelhouse offered to pip serves uv as well; uv only reads its own variable.
if [ -n "${PIP_FIND_LINKS:-}" ] && [ -z "${UV_FIND_LINKS:-}" ]; then
    UV_FIND_LINKS=$(echo "$PIP_FIND_LINKS" | tr ' ' ',')
    export UV_FIND_LINKS
fi
# Certificates and indexes that pip is told of, where uv is told nothing.
if [ -n "${PIP_CERT:-}" ] && [ -z "${SSL_CERT_FILE:-}" ]; then export SSL_CERT_FILE="$PIP_CERT"; fi
if [ -n "${PIP_INDEX_URL:-}" ] && [ -z "${UV_DEFAULT_INDEX:-}" ]; then export UV_DEFAULT_INDEX="$PIP_INDEX_URL"; fi

find_uv() {
    if command -v uv >/dev/null 2>&1; then command -v uv; return; fi
    if [ -x .venv/bin/uv ]; then echo .venv/bin/uv; return; fi
    if [ -x .venv/uv/bin/uv ]; then echo .venv/uv/bin/uv; return; fi
    # --target needs pip but no venv module, which Debian ships apart.
    if python3 -m pip --version >/dev/null 2>&1; then
        say "uv is missing; pip installs it into .venv"
        python3 -m pip install --quiet --disable-pip-version-check --target .venv/uv uv >&2
    elif python3 -m venv .venv/bootstrap >/dev/null 2>&1; then
        say "uv and pip are missing; a bootstrap environment installs uv"
        .venv/bootstrap/bin/python -m pip install --quiet --disable-pip-version-check --target .venv/uv uv >&2
    else
        say "python3 has neither pip nor venv, and there is no uv; install one, e.g.: apt-get install python3-venv"
        exit 1
    fi
    echo .venv/uv/bin/uv
}

mkdir -p .venv
UV=$(find_uv)
case "$UV" in /*) ;; *) UV="$PWD/$UV" ;; esac
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    # uv downloads Python 3.11 where the machine has none.
    "$UV" venv --quiet --allow-existing --python 3.11 .venv
fi
# Without a wheelhouse the CPU torch comes from PyTorch's own index, and nothing else does.
BACKEND="--torch-backend cpu"
[ -n "${UV_FIND_LINKS:-}" ] && BACKEND=""
say "installing requirements/cpu.txt"
# shellcheck disable=SC2086
VIRTUAL_ENV="$PWD/.venv" "$UV" pip install --quiet $BACKEND --compile-bytecode --require-hashes -r requirements/cpu.txt
# As a plain path: setuptools' own import hook would cost every start of Python 15 ms, sandboxed programs' too.
VIRTUAL_ENV="$PWD/.venv" "$UV" pip install --quiet --no-deps --no-build-isolation --config-setting editable_mode=compat --editable .
touch .venv/ready-cpu
say "ready"
