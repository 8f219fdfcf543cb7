#!/bin/sh
# A base for the CPU image without a registry: Debian by debootstrap, packed by Apptainer. Prints its path.
set -eu
cd "$(dirname "$0")"
. ./where.sh

base="$HPC_ROOT/base.sif"
if [ ! -e "$base" ]; then
    say "making $base"
    mirror=$(debian_mirror)
    work=$(mktemp -d "$HPC_ROOT/base.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    debootstrap --variant=minbase bookworm "$work/debian" "$mirror" >&2
    apptainer build "$work/base.sif" "$work/debian" >&2
    mv "$work/base.sif" "$base"
fi
echo "$base"
