#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev test clean [STEP…]: a clone of HEAD in a fresh Debian 12, used as a newcomer does. A step is what follows ./dev
# there; without any: demo, test, install and uninstall. Where packages come from, and through what, is this machine's own
# apt configuration; the clients' settings and the certificates they trust are copied in, or they would refuse to talk.
set -euo pipefail
cd "$(dirname "$0")/../.."

die() { printf '%s\n' "$*" >&2; exit 1; }
say() { printf '\033[1m== clean: %s\033[0m\n' "$*"; }

[ "$(id -u)" = 0 ] || die "a fresh system is made by debootstrap and chroot: run this as root"
# Mounts made in a namespace of our own are gone with it, whatever becomes of this script.
[ -n "${POLYFS_CLEAN_INSIDE:-}" ] || exec env POLYFS_CLEAN_INSIDE=1 unshare --mount --propagation private "$0" "$@"

ROOT=$(mktemp -d "${TMPDIR:-/tmp}/polyfs-clean-XXXXXX")
mount --bind "$ROOT" "$ROOT" # unshare -m, which tests use, wants a mount as the root
chmod 755 "$ROOT"            # apt works as a user of its own
remove() {
    local status=$?
    for mounted in dev/shm dev/pts sys proc .; do umount -l "$ROOT/$mounted" 2>/dev/null || true; done
    rm -rf --one-file-system "$ROOT"
    exit $status
}
trap remove EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mirror() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
        awk '$2 == "bookworm" && $3 == "main" { print $1; exit }'
}

# copy FILE-OR-FOLDER: to the same place below ROOT, if it is there.
copy() {
    [ -e "$1" ] || return 0
    mkdir -p "$ROOT$(dirname "$1")"
    cp -RL --preserve=mode "$1" "$ROOT$(dirname "$1")/"
}

# Variables that tell clients about proxies, certificates and registries.
settings() {
    env | grep -iE '^((https?|ftp|no|all)_proxy|[A-Z0-9_]*(CA_BUNDLE|CA_CERTS|CERT_FILE|CERT_DIR|CAINFO|_CERT)|PIP_[A-Z_]+|npm_config_[a-z_]+|GO(PROXY|SUMDB|NOSUMDB|FLAGS)|CARGO_(NET|HTTP|REGISTRIES)_[A-Z_]+)=' || true
}

make_system() {
    local uri proxy=''
    uri=$(mirror)
    [ -n "$uri" ] || die "apt on this machine knows no mirror of bookworm"
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || export http_proxy=$proxy
    debootstrap bookworm "$ROOT" "$uri" >"$ROOT.log" 2>&1 || { tail -n 20 "$ROOT.log" >&2; rm -f "$ROOT.log"; die "debootstrap failed"; }
    rm -f "$ROOT.log"
    mount -t proc proc "$ROOT/proc"
    mount -t sysfs -o ro sysfs "$ROOT/sys"
    mkdir -p "$ROOT/dev/shm" "$ROOT/dev/pts"
    mount -t devpts devpts "$ROOT/dev/pts"
    mount -t tmpfs tmpfs "$ROOT/dev/shm"
    mknod -m 660 "$ROOT/dev/loop-control" c 10 237 # which a whole system has, and debootstrap does not make
    for i in 0 1 2 3 4 5 6 7; do mknod -m 660 "$ROOT/dev/loop$i" b 7 "$i"; done
}

configure_system() {
    rm -f "$ROOT/etc/apt/sources.list"
    for path in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources /etc/apt/auth.conf.d /etc/apt/keyrings /etc/apt/trusted.gpg.d \
        /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt /usr/local/share/ca-certificates /etc/pip.conf \
        "$HOME/.config/pip" "$HOME/.pip" "$HOME/.npmrc" "$HOME/.cargo/config" "$HOME/.cargo/config.toml" \
        "$HOME/.m2/settings.xml" "$HOME/.config/go/env"; do
        copy "$path"
    done
    apt-config dump | grep '^Acquire::' >"$ROOT/etc/apt/apt.conf.d/99host" || true
    git clone -q --no-hardlinks "$PWD" "$ROOT$HOME/polyfs"
    git -C "$ROOT$HOME/polyfs" checkout -q "$(git rev-parse HEAD)"
}

inside() { # COMMAND…, in the clone
    local -a set=()
    while IFS= read -r line; do set+=("$line"); done < <(settings)
    # shellcheck disable=SC2016
    chroot "$ROOT" env -i HOME="$HOME" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        TERM="${TERM:-dumb}" LANG=C.UTF-8 "${set[@]}" bash -c 'cd ~/polyfs && "$@"' inside "$@"
}

step() {
    local began=$SECONDS
    say "./dev $*"
    # shellcheck disable=SC2086
    inside ./dev $* || die "./dev $* failed in a fresh Debian 12 after $((SECONDS - began)) s"
    say "./dev $*: well, $((SECONDS - began)) s"
    if [ "$1" = install ]; then
        inside polyfs known-implementations | grep -q '^file .*available' || die "the installed polyfs does not know file://"
    fi
}

BEGAN=$SECONDS
make_system
configure_system
say "a Debian $(cat "$ROOT/etc/debian_version") was made in $((SECONDS - BEGAN)) s"
[ $# -gt 0 ] || set -- demo test install uninstall
for one in "$@"; do step "$one"; done
say "all well, $((SECONDS - BEGAN)) s"
