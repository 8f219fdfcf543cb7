#!/bin/sh
# Slurm, munge and Apptainer from Debian's packages.
set -eu
cd "$(dirname "$0")"
. ./where.sh
export DEBIAN_FRONTEND=noninteractive

missing=''
for program in sbatch slurmctld slurmd munged debootstrap newuidmap shellcheck bwrap apptainer; do
    command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
[ -n "$missing" ] || exit 0
say "installing what brings:$missing"
apt-get update >&2
apt-get install --yes --no-install-recommends slurm-wlm munge debootstrap uidmap shellcheck bubblewrap >&2

# Apptainer is in Debian unstable only, and wants a C library from trixie. Both come from the mirror that apt uses already, pinned so
# low that nothing else is taken from them.
from_unstable() {
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ "$codename" = bookworm ] || die "Apptainer is missing, and how to install it is known for Debian 12 only: install it first"
    mirror=$(debian_mirror)
    for suite in trixie sid; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
    done >/etc/apt/sources.list.d/crrl-hpc.list
    printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n\nPackage: *\nPin: release n=sid\nPin-Priority: 50\n' \
        >/etc/apt/preferences.d/crrl-hpc
    apt-get update >&2
    apt-get install --yes --no-install-recommends -t trixie libc6 >&2
}

if ! command -v apptainer >/dev/null 2>&1; then
    # A candidate that is there already, from a site's own repository, is as good.
    apt-cache policy apptainer | grep -q 'Candidate: [0-9]' || from_unstable
    apt-get install --yes --no-install-recommends apptainer squashfuse fuse-overlayfs >&2
fi
