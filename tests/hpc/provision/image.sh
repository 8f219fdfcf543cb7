#!/bin/sh
# The CPU image, built by the ordinary user from his checkout; built again only when something in it has changed. Prints its path.
set -eu
cd "$(dirname "$0")"
. ./where.sh

commit() {
    git="git -c safe.directory=$SOURCE -C $SOURCE"
    echo "$($git rev-parse HEAD)$([ -z "$($git status --porcelain)" ] || echo -dirty)"
}

base="$HPC_ROOT/base.sif"
cd "$CHECKOUT"
key=$({ sha256sum <"$base"; find . -type f ! -path './.venv/*' ! -path './runs/*' ! -path '*/__pycache__/*' ! -path '*.egg-info/*' -print0 |
    sort -z | xargs -0 sha256sum; } | sha256sum | cut -c -16)
image="$HPC_ROOT/images/$key.sif"

if [ -n "${CRRL_HPC_IMAGE:-}" ]; then
    image="$CRRL_HPC_IMAGE" # while developing: any image, not built from these files
else
    # Two builds of the same image at once would both be slow; one that hangs stops nobody for ever.
    exec 9>"$HPC_ROOT/images/$key.lock"
    flock --wait 1800 9 || say "another build of $image holds its lock for half an hour; building anyway"
    if [ ! -e "$image" ]; then
        say "building $image"
        CRRL_COMMIT=$(commit)
        export CRRL_COMMIT
        as_user ./build_container.sh --cpu --zstd --base "$base" --output "$image" >&2
    fi
    find "$HPC_ROOT/images" -name '*.sif' -printf '%T@ %p\n' | sort -rn | tail -n +5 | cut -d ' ' -f 2- | xargs -r rm --
fi
ln -sfn "$image" "$CHECKOUT/crrl.sif"
chown -h "$HPC_USER:" "$CHECKOUT/crrl.sif"
echo "$image"
