#!/bin/sh
# A copy of this checkout that the ordinary user may read and whose .venv he may run, whatever root's are like. Prints its path.
set -eu
cd "$(dirname "$0")"
. ./where.sh

new="$CHECKOUT.new"
rm -rf "$new" "$new.git"
mkdir -p "$new" "$CHECKOUT"
# What git knows or would add, as it lies in the folder now. With a repository of its own: this one may belong to another user.
git init --quiet --bare "$new.git"
git --git-dir "$new.git" --work-tree "$SOURCE" ls-files --others --exclude-standard -z |
    tar --directory "$SOURCE" --create --null --files-from - --file - | tar --directory "$new" --extract --file -
rm -rf "$new.git"
chown -R "$HPC_USER:" "$new"
find "$CHECKOUT" -mindepth 1 -maxdepth 1 ! -name .venv ! -name crrl.sif ! -name runs -exec rm -rf {} +
find "$new" -mindepth 1 -maxdepth 1 -exec mv -t "$CHECKOUT" {} +
rmdir "$new"
chown "$HPC_USER:" "$CHECKOUT"
as_user make --silent --directory "$CHECKOUT" .venv/ready-cpu >&2
echo "$CHECKOUT"
