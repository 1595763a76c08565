#!/usr/bin/env bash
# Puts the programs that cargo built for a target where the provider and the collection look for them, and refuses one
# that is too large for a slow link.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$1
limit=2500000
built=${CARGO_TARGET_DIR:-target}/$target/host
into=${CARGO_TARGET_DIR:-target}/host-programs/${target%%-*}

mkdir -p "$into"
for source in ansible-modules/modules/src/bin/*.rs; do
    name=$(basename "$source" .rs)
    size=$(stat --format=%s "$built/$name")
    if [ "$size" -gt "$limit" ]; then
        echo "$name has $size bytes, and $limit are allowed" >&2
        exit 1
    fi
    install --mode=0755 "$built/$name" "$into/$name"
    echo "$into/$name: $size bytes"
done

# The program of a node speaks to the API.
install --mode=0755 "$built/socle-node" "$into/socle-node"
echo "$into/socle-node: $(stat --format=%s "$into/socle-node") bytes"

# The backup agent speaks to S3 and reads a format of its own: it is larger than a module.
install --mode=0755 "${CARGO_TARGET_DIR:-target}/$target/release/socle-backup" "$into/socle-backup"
echo "$into/socle-backup: $(stat --format=%s "$into/socle-backup") bytes"
