#!/usr/bin/env bash
# Sees to it that the programs which the build and the tests call are there. As root on Debian or Ubuntu it installs the
# packages that are missing; elsewhere it says what to run. What the sandbox needs it knows by itself (`sandbox doctor`);
# but what no package brings is said here, before anything is built.
# `prerequisites.sh quickstart` leaves out what only tests drive.
set -euo pipefail
# Where Debian puts named-checkzone; not every user's path has it.
PATH=$PATH:/usr/sbin

for_whom=${1:-tests}
packages=()
tools=()

# needs PROGRAM PACKAGE: a program that a Debian package brings.
needs() {
    type -P "$1" >/dev/null || packages+=("$2")
}

# needs_tool PROGRAM ADVICE: a program that is installed in a way of its own.
needs_tool() {
    command -v "$1" >/dev/null || tools+=("$1: $2")
}

# is_new_enough WANTED THERE: whether the second version is the first, or a later one.
is_new_enough() {
    [ "$(printf '%s\n' "$1" "$2" | sort --version-sort | head -n 1)" = "$1" ]
}

needs_tool cargo "install Rust 1.95 or newer with rustup"
needs_tool "${TERRAFORM:-terraform}" "install Terraform 1.11 or newer"
# The newest Go that a module of the sandbox asks for.
modules=$(dirname "$0")/sandbox
go=$(find "$modules" -name go.mod -exec sed -n 's/^go //p' {} + | sort --version-sort | tail -n 1)
go_here=$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || :
is_new_enough "$go" "${go_here#go}" || tools+=("go: install Go $go or newer, to build what has no package from its modules")
# Some crates bring C, and all programs are linked against its library.
echo 'int main(void) { return 0; }' | cc -x c -o /dev/null - 2>/dev/null || packages+=(gcc libc6-dev)
needs curl curl
# Secrets are made by it.
needs openssl openssl

if [ "$for_whom" = tests ]; then
    needs_tool cargo-clippy "run: rustup component add clippy"
    needs_tool cargo-fmt "run: rustup component add rustfmt"
    needs shellcheck shellcheck
    # What ends a run in the middle: a program of its own, which the shell's is not.
    needs kill procps
    # The tests ask Vault to sign keys.
    needs ssh-keygen openssh-client
    # The oracle for zone files.
    needs named-checkzone bind9-utils
    # The judge of backups, and the server that is backed up.
    needs restic restic
    # What makes a clock jump.
    compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || packages+=(libfaketime)
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || type -P initdb >/dev/null || packages+=(postgresql)
    # What runs the example's pipeline, and what its jobs call.
    needs node nodejs
    needs npm npm
    needs rsync rsync
    needs jq jq
fi

install() {
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${packages[@]}"
}

if [ ${#packages[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing ${packages[*]}"
        # The package lists of a new machine may be missing or old.
        install || { apt-get update && install; }
    elif command -v apt-get >/dev/null; then
        tools+=("packages: run: sudo apt-get install ${packages[*]}")
    else
        tools+=("programs: install what Debian calls ${packages[*]}")
    fi
fi

if [ ${#tools[@]} -gt 0 ]; then
    echo "missing:"
    printf '  %s\n' "${tools[@]}"
    exit 1
fi
