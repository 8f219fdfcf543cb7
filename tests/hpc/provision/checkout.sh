#!/bin/sh
# A copy of this checkout that the ordinary user may read and whose .venv he may run, whatever root's are like. Prints its path.
set -eu
cd "$(dirname "$0")"
. ./where.sh

new="$CHECKOUT.new"
rm -rf "$new"
mkdir -p "$new" "$CHECKOUT"
# What git knows or would add, as it lies in the folder now; a file that was deleted but not committed is passed over.
(cd "$SOURCE" && git ls-files --cached --others --exclude-standard -z |
    tar --create --null --files-from - --ignore-failed-read --file - 2>/dev/null) | tar --extract --directory "$new" --file -
chown -R "$HPC_USER:" "$new"
find "$CHECKOUT" -mindepth 1 -maxdepth 1 ! -name .venv ! -name crrl.sif ! -name runs -exec rm -rf {} +
find "$new" -mindepth 1 -maxdepth 1 -exec mv -t "$CHECKOUT" {} +
rmdir "$new"
chown "$HPC_USER:" "$CHECKOUT"
as_user make --silent --directory "$CHECKOUT" .venv/ready-cpu >&2
echo "$CHECKOUT"
