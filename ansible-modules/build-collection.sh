#!/usr/bin/env bash
# Builds the tarball of the collection, with the programs that `make host-programs` left, and refuses one that is too large
# for a Galaxy server.
set -euo pipefail
cd "$(dirname "$0")/.."

limit=20000000
target=${CARGO_TARGET_DIR:-target}
programs=$target/host-programs
into=$target/collection
sources=ansible-modules/collection

# Ansible's own program builds it: that of the path, else the pinned one of the tests.
pinned=("${SOCLE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/socle}"/ansible/*/bin/ansible-galaxy)
galaxy=$(command -v ansible-galaxy || command -v "${pinned[0]}" || true)
if [ -z "$galaxy" ]; then
    echo "ansible-galaxy is missing: pip install ansible-core, or sandbox prepare" >&2
    exit 1
fi

staging=$(mktemp --directory)
trap 'rm -rf "$staging"' EXIT
cp --recursive --no-dereference "$sources/." LICENSE "$staging/"
rm -rf "$staging/.ansible" "$staging/.ansible-lint"
find "$staging" -name __pycache__ -prune -exec rm -rf {} +

# A module without its program would fail on the first host.
for folder in "$programs"/*/; do
    place=$staging/plugins/programs/$(basename "$folder")
    mkdir -p "$place"
    for documentation in "$sources"/plugins/modules/*.yml; do
        name=$(basename "$documentation" .yml)
        case $name in
        # A verb of socle-node; what the controller does by itself.
        cluster_reset | bundle) ;;
        *) install --mode=0755 "$folder/$name" "$place/" ;;
        esac
    done
    for companion in socle-backup socle-node compliance-report; do
        [ ! -e "$folder/$companion" ] || install --mode=0755 "$folder/$companion" "$place/"
    done
done

mkdir -p "$into"
rm -f "$into"/*.tar.gz
"$galaxy" collection build --output-path "$into" "$staging" >&2
tarball=$(echo "$into"/*.tar.gz)
size=$(stat --format=%s "$tarball")
if [ "$size" -gt "$limit" ]; then
    echo "$tarball has $size bytes, and $limit are allowed" >&2
    exit 1
fi
echo "$tarball: $size bytes"
