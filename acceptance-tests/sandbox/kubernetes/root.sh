#!/bin/sh
# root.sh FOLDER REPOSITORY SUITE PACKAGES: makes FOLDER/root.tar, the root of a container image, from an apt repository
# on this machine.
set -eu
folder=$1 repository=$2 suite=$3 packages=$4
root=$folder/root

# What is interrupted is made anew, so nothing need be on the disk at every moment.
export DPKG_FORCE=unsafe-io

# The repository is the sandbox's own; what went into it was verified when it was made.
debootstrap --variant=minbase --no-check-gpg --include="$packages" "$suite" "$root" "file://$repository"

rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
    "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "${root:?}"/dev/* "$root/etc/machine-id"
# PostgreSQL compiles long queries where it can, and takes 140 MB for that; its database is made when it starts.
rm -rf "$root"/usr/lib/*/libLLVM* "$root"/usr/lib/*/libz3* "$root"/usr/lib/postgresql/*/lib/llvmjit* \
    "$root"/usr/lib/postgresql/*/lib/bitcode "$root"/var/lib/postgresql/*
: >"$root/var/log/bootstrap.log"

tar --create --numeric-owner --directory="$root" --file="$folder/root.tar" .
rm -rf "$root"
