#!/bin/sh
# Builds crrl.sif from container.def, and prints its size, its sha256 and what to do next. `./build_container.sh --help`
set -eu
repo=$(cd "$(dirname "$0")" && pwd)

usage() {
    cat <<'TEXT'
usage: ./build_container.sh [--cuda | --cpu] [--base IMAGE] [--output FILE] [--force] [--zstd] [--tmp FOLDER]

  --cuda          vLLM and torch for GPUs (the default); the base is nvidia/cuda, pinned by digest in container.def
  --cpu           the same stack for CPUs; needs --base, e.g. --base debian:bookworm-slim
  --base IMAGE    a registry's image (name:tag or name@sha256:…) or a local one (a .sif file or a sandbox folder):
                  Debian or Ubuntu, x86_64
  --output FILE   what to write; default crrl.sif beside this script
  --force         replace FILE if it is there; it is replaced when the new one is whole
  --zstd          pack with zstd: faster to build and to import from, but the kernels of RHEL 8 and its like cannot mount it
  --tmp FOLDER    where to build; default: $APPTAINER_TMPDIR, $TMPDIR, /tmp, /var/tmp or FILE's folder, the first with room

From the environment, for the build alone: PIP_FIND_LINKS or UV_FIND_LINKS (a folder of wheels), PIP_INDEX_URL or
UV_DEFAULT_INDEX, SSL_CERT_FILE or PIP_CERT (certificates), http_proxy, https_proxy, no_proxy. Nothing of them stays in the image.
TEXT
}

die() { echo "error: $*" >&2; exit 2; }
say() { echo "build: $*" >&2; }
value() { [ "$#" -ge 2 ] || die "$1 needs a value; see --help"; echo "$2"; }

device=cuda base='' output="$repo/crrl.sif" force='' zstd='' scratch=''
while [ "$#" -gt 0 ]; do
    case "$1" in
        --cuda) device=cuda ;;
        --cpu) device=cpu ;;
        --base) base=$(value "$@"); shift ;;
        --output) output=$(value "$@"); shift ;;
        --tmp) scratch=$(value "$@"); shift ;;
        --force) force=--force ;;
        --zstd) zstd=--zstd ;;
        --help | -h) usage; exit 0 ;;
        *) die "there is no option $1; see --help" ;;
    esac
    shift
done

elsewhere() {
    cat >&2 <<TEXT
An image needs user namespaces only to be built, not on every machine where it runs. Build it where you may, for
instance on a laptop with Linux, and copy it:
    ./build_container.sh --$device && scp crrl.sif YOU@CLUSTER:$output
Or ask the site for user namespaces (sysctl user.max_user_namespaces) and a range in /etc/subuid for you.
TEXT
}

# What there is to build with

find_tool() {
    for name in apptainer singularity; do
        if command -v "$name" >/dev/null 2>&1; then echo "$name"; return; fi
    done
    die "neither apptainer nor singularity is on the PATH; load the site's module (module avail apptainer), or build elsewhere and copy crrl.sif"
}

may_make_namespaces() { unshare --user --map-root-user true 2>/dev/null; }

# With setuid root, or with AppArmor's leave, the tool may do what an ordinary program may not.
is_privileged() {
    libexec=$("$tool" buildcfg 2>/dev/null | sed -n 's/^LIBEXECDIR=//p')
    [ -u "${libexec:-/usr/libexec}/$tool/bin/starter-suid" ] && return
    [ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns 2>/dev/null)" = 1 ] && ls /etc/apparmor.d/*"$tool"* >/dev/null 2>&1
}

# Root with every capability builds as it is; everyone else as the root of a user namespace.
has_every_capability() { [ "$(id -u)" = 0 ] && grep -q '^CapEff:[[:space:]]*0*1ffffffffff$' /proc/self/status; }

# Where there is room

free_gb() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print int($4 / 1048576) }'; }

find_scratch() { # needed GB
    for folder in "${APPTAINER_TMPDIR:-}" "${TMPDIR:-}" /tmp /var/tmp "$(dirname "$output")"; do
        if [ -n "$folder" ] && [ -d "$folder" ] && [ -w "$folder" ] && [ "$(free_gb "$folder")" -ge "$1" ]; then
            echo "$folder"
            return
        fi
    done
    die "no folder for temporary files has $1 GB free (looked at \$APPTAINER_TMPDIR, \$TMPDIR, /tmp, /var/tmp, $(dirname "$output")); name one with --tmp"
}

# What the environment lends to the build

quoted() { printf "export %s='%s'\n" "$1" "$(printf %s "$2" | sed "s/'/'\\\\''/g")"; }

lend() { # folder
    certificates=${SSL_CERT_FILE:-${PIP_CERT:-}}
    if [ -n "$certificates" ]; then
        cp "$certificates" "$1/certificates.pem"
        for name in SSL_CERT_FILE PIP_CERT; do quoted "$name" /media/certificates.pem; done
    fi
    index=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-}}
    if [ -n "$index" ]; then
        for name in UV_DEFAULT_INDEX PIP_INDEX_URL; do quoted "$name" "$index"; done
    fi
    for name in http_proxy https_proxy no_proxy; do
        eval "content=\${$name:-}"
        if [ -n "$content" ]; then quoted "$name" "$content"; fi
    done
    if [ -n "$wheels" ]; then quoted UV_FIND_LINKS /mnt; fi
}

case "$base" in
    '') [ "$device" = cuda ] || die "--cpu needs a base: --base debian:bookworm-slim from a registry, or --base FILE.sif"
        set -- ;;
    *://*) die "--base $base: name an image as name:tag, name@sha256:… or a path, without ${base%%://*}://" ;;
    /* | ./* | ../* | *.sif)
        [ -e "$base" ] || die "there is no base image $base"
        set -- --build-arg bootstrap=localimage --build-arg "base=$(cd "$(dirname "$base")" && pwd)/$(basename "$base")" ;;
    *) set -- --build-arg bootstrap=docker --build-arg "base=$base" ;;
esac
tool=$(find_tool)
command -v git >/dev/null 2>&1 || die "git is missing; it says which files belong into the image"
"$tool" build --help 2>/dev/null | grep -q -- --build-arg ||
    die "$("$tool" --version) is too old: container.def needs Apptainer 1.2 or SingularityCE 4.0"
[ "$(uname -m)" = x86_64 ] || die "the locks in requirements/ are for x86_64; this machine is $(uname -m)"
[ -d "$(dirname "$output")" ] || die "there is no folder $(dirname "$output") for the image"
output=$(cd "$(dirname "$output")" && pwd)/$(basename "$output")
if [ -e "$output" ] && [ -z "$force" ]; then die "$output is there already; --force replaces it, --output names another"; fi

if ! has_every_capability; then
    if ! may_make_namespaces && ! is_privileged; then
        say "this machine gives $(id -un) no user namespaces, so $tool cannot build here"
        elsewhere
        exit 2
    fi
    set -- "$@" --fakeroot
fi

case "$device" in cpu) need_gb=8 image_gb=2 ;; cuda) need_gb=50 image_gb=12 ;; esac
if [ -z "$scratch" ]; then
    scratch=$(find_scratch "$need_gb")
elif [ ! -d "$scratch" ] || [ "$(free_gb "$scratch")" -lt "$need_gb" ]; then
    die "--tmp $scratch: the build needs a folder with $need_gb GB free"
fi
[ "$(free_gb "$(dirname "$output")")" -ge "$image_gb" ] || die "$(dirname "$output") needs $image_gb GB free for the image"

work=$(mktemp -d "$scratch/crrl-build.XXXXXX")
part="$output.part.$$"
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work" "$part"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/lent" "$work/tmp"

wheels=${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}
if [ -n "$wheels" ]; then
    [ -d "$wheels" ] || die "UV_FIND_LINKS/PIP_FIND_LINKS $wheels: only one local folder of wheels can be lent to the build"
    set -- "$@" --bind "$wheels:/mnt:ro"
fi
(umask 077 && lend "$work/lent" >"$work/lent/build.env")

# The files that git knows or would add, from a checkout or a copy of one: no .venv, runs or caches.
cd "$repo"
mkdir "$work/source"
git init --quiet --bare "$work/git"
git --git-dir "$work/git" --work-tree . ls-files --others --exclude-standard -z >"$work/list"
tar --create --null --files-from "$work/list" --file "$work/source.tar"
tar --extract --directory "$work/source" --file "$work/source.tar"
commit=${CRRL_COMMIT:-unknown}
if head=$(git -C "$repo" rev-parse HEAD 2>/dev/null); then
    commit=$head$([ -z "$(git -C "$repo" status --porcelain)" ] || echo -dirty)
fi

# zstd packs several times as fast as gzip, and every import from the image unpacks faster. But not every kernel that mounts images
# was built with it (SQUASHFS_ZSTD).
if [ -n "$zstd" ]; then
    "$tool" build --help 2>/dev/null | grep -q -- --mksquashfs-args || die "$("$tool" --version) cannot pack with zstd; leave --zstd out"
    set -- "$@" --mksquashfs-args '-comp zstd -Xcompression-level 6'
fi

say "$device image with $tool in $work"
if ! APPTAINER_TMPDIR="$work/tmp" APPTAINER_CACHEDIR="${APPTAINER_CACHEDIR:-$work/cache}" \
    SINGULARITY_TMPDIR="$work/tmp" SINGULARITY_CACHEDIR="${SINGULARITY_CACHEDIR:-$work/cache}" \
    "$tool" build "$@" --bind "$work/lent:/media:ro" --build-arg "device=$device" --build-arg "commit=$commit" \
    --build-arg "source=$work/source" \
    "$part" container.def; then
    say "the build failed; the reason is above"
    # Where root lacks capabilities, as in a container, the tool wants a range of ids for it; others do without.
    if ! has_every_capability && [ "$(id -u)" -eq 0 ] && ! grep -q '^root:' /etc/subuid 2>/dev/null; then
        say "root has no ids of its own here: build as an ordinary user, or add the line root:100000:65536 to /etc/subuid and /etc/subgid"
    fi
    may_make_namespaces || elsewhere
    exit 1
fi
mv "$part" "$output"
digest=$(sha256sum "$output" | cut -d ' ' -f 1)
echo "$digest  $(basename "$output")" >"$output.sha256"
echo "$output"
echo "size   $(du -h "$output" | cut -f 1)"
echo "sha256 $digest"
echo "next   $tool run --app test $output      # runs the tests in it; then: python launch.py --size medium --image $output --dry-run"
