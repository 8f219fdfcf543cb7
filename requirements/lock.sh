#!/bin/sh
# Makes the locks again from *.in: exact versions with hashes, and no index address in them.
set -eu
cd "$(dirname "$0")"
UV=$(command -v uv || echo ../.venv/uv/bin/uv)
if [ -n "${PIP_FIND_LINKS:-}" ] && [ -z "${UV_FIND_LINKS:-}" ]; then export UV_FIND_LINKS="$PIP_FIND_LINKS"; fi
BACKEND="--torch-backend cpu"
[ -n "${UV_FIND_LINKS:-}" ] && BACKEND=""
FORM="--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 --python-platform x86_64-manylinux_2_28"
# shellcheck disable=SC2086
"$UV" pip compile --quiet cpu.in -o cpu.txt $BACKEND $FORM
# The image starts from the laptop's versions, so what the tests saw on one is what runs on the other.
cp cpu.txt image-cpu.txt
# shellcheck disable=SC2086
"$UV" pip compile --quiet image-cpu.in -o image-cpu.txt --override overrides.txt $BACKEND $FORM
# shellcheck disable=SC2086
"$UV" pip compile --quiet uv.in -o uv.txt $FORM
# shellcheck disable=SC2086
"$UV" pip compile --quiet cuda.in -o cuda.txt $FORM
