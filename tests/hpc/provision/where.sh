# Sourced by the other scripts: where things lie, who the ordinary user is, and how to act as him.
# shellcheck shell=sh
HPC_ROOT="${CRRL_HPC:-${TMPDIR:-/var/tmp}/crrl-hpc}"
HPC_USER="${CRRL_HPC_USER:-crrl-hpc}"
SOURCE=$(cd ../../.. && pwd) # the scripts are in their own folder then
# shellcheck disable=SC2034  # for those who source this
CHECKOUT="$HPC_ROOT/checkouts/$(basename "$SOURCE")-$(echo "$SOURCE" | cksum | cut -d ' ' -f 1)"
export APPTAINER_USERNS=1 # root of a container or a virtual machine often lacks a capability that apptainer wants of root

say() { echo "provision: $*" >&2; }
die() { echo "error: $*" >&2; exit 2; }

# The mirror that apt uses on this Debian 12.
debian_mirror() {
    # shellcheck disable=SC2016  # apt-get fills them in
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT) $(IDENTIFIER)' |
        awk '$2 == "bookworm" && $3 == "main" && $4 == "Packages" { print $1; found = 1; exit } END { exit !found }' ||
        die "apt knows no mirror of Debian 12 (bookworm)"
}

# As the ordinary user, with nothing of root's environment but what package installs need.
as_user() (
    set -f
    lent=$(env | grep -E '^((PIP|UV)_[A-Z_]+|SSL_CERT_FILE|https?_proxy|no_proxy|APPTAINER_TMPDIR|CRRL_COMMIT)=' || true)
    IFS='
'
    # shellcheck disable=SC2086
    exec runuser -u "$HPC_USER" -- env -i $lent PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 \
        HOME="$(getent passwd "$HPC_USER" | cut -d : -f 6)" UV_CACHE_DIR="$HPC_ROOT/uv-cache" "$@"
)

[ "$(id -u)" = 0 ] || die "the test cluster is made by root, on a machine that is there for tests"
mkdir -p "$HPC_ROOT/checkouts" "$HPC_ROOT/images"
