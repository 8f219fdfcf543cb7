#!/bin/sh
# A copy of this checkout that the ordinary user may read and whose .venv he may run, whatever root's are like. Prints its path.
set -eu
cd "$(dirname "$0")"
. ./where.sh

new="$CHECKOUT.new"
rm -rf "$new"
mkdir -p "$new/files" "$CHECKOUT"
# What git knows or would add, as it lies in the folder now. With a repository of its own: this one may belong to another user.
git init --quiet --bare "$new/git"
cd "$SOURCE"
git --git-dir "$new/git" --work-tree . ls-files --others --exclude-standard -z >"$new/list"
tar --create --null --files-from "$new/list" --file "$new/tar"
tar --extract --directory "$new/files" --file "$new/tar"
chown -R "$HPC_USER:" "$new/files"
find "$CHECKOUT" -mindepth 1 -maxdepth 1 ! -name .venv ! -name crrl.sif ! -name runs -exec rm -rf {} +
find "$new/files" -mindepth 1 -maxdepth 1 -exec mv -t "$CHECKOUT" {} +
rm -rf "$new"
chown "$HPC_USER:" "$CHECKOUT"
as_user make --silent --directory "$CHECKOUT" .venv/ready-cpu >&2
echo "$CHECKOUT"
