#!/bin/sh
# The ordinary user, with a range of subordinate ids, who builds the image and submits jobs.
set -eu
cd "$(dirname "$0")"
. ./where.sh

id "$HPC_USER" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$HPC_USER"
if ! grep -q "^$HPC_USER:" /etc/subuid; then
    first=$(awk -F : '$2 + $3 > end { end = $2 + $3 } END { print (end > 100000) ? end : 100000 }' /etc/subuid)
    usermod --add-subuids "$first-$((first + 65535))" --add-subgids "$first-$((first + 65535))" "$HPC_USER"
fi
if [ -e /dev/fuse ]; then chmod 666 /dev/fuse; fi # squashfuse mounts the image for him
mkdir -p "$HPC_ROOT/uv-cache"
chown "$HPC_USER:" "$HPC_ROOT/images" "$HPC_ROOT/uv-cache"
