#!/usr/bin/env bash
# Removes what `make quickstart` made: the sandbox with all that was in it, and the state that described it.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1
here=examples/quickstart
name=${QUICKSTART:-quickstart}
# Where the state is: another name's in a workspace of that name.
place=$here
[ "$name" = quickstart ] || place=$here/terraform.tfstate.d/$name

if [ -n "${SOCLE_PROGRAMS:-}" ]; then
    "$SOCLE_PROGRAMS/sandbox" --name "$name" down
else
    cargo run --quiet --package sandbox -- --name "$name" down
fi
rm -f "$place"/.terraformrc "$place"/terraform.tfstate{,.backup,.gone}
if [ "$place" != "$here" ] && [ -d "$place" ]; then
    rmdir --parents --ignore-fail-on-non-empty "$place"
fi
