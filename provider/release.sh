#!/usr/bin/env bash
# Builds what is published into dist/: the provider with the programs that it brings to hosts, the Ansible collection, the
# backup agent, and their checksums. From one commit, with one toolchain, it gives the same bytes in any checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

target=x86_64-unknown-linux-gnu
dist=dist
built=${CARGO_TARGET_DIR:-target}
version=$(sed -nE '/^\[workspace.package\]/,/^$/s/^version = "(.*)"$/\1/p' Cargo.toml)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

# Messages of panics name files: not by where this checkout, or the cache of crates, happens to be.
remap="--remap-path-prefix=$PWD=/socle --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"

rm -rf "$dist"
mkdir "$dist"
make --no-print-directory host-programs RUSTFLAGS_FOR_HOSTS="$remap"
RUSTFLAGS=$remap cargo build --quiet --locked --release --target $target --package socle --bin terraform-provider-socle
provider/package.py "$built/$target/release/terraform-provider-socle" "$built/host-programs" "$version" "$dist"

make --no-print-directory collection
cp "$built/collection/socle-platform-$version.tar.gz" "$dist"
cp "$built"/host-programs/x86_64/socle-backup "$dist/socle-backup_${version}_linux_amd64"

(cd "$dist" && sha256sum socle-* >SHA256SUMS)
ls -l "$dist"
