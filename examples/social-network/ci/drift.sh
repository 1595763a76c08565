#!/bin/sh
# Plans, as one who may only look, and fails with every address at which the world is not what the code says.
set -eu

# With an exit status of its own for changes, an output that changes by itself, such as that of the last backup, would
# pass for drift.
if ! terraform plan -no-color -lock=false -out=drift.tfplan >drift.txt; then
    cat drift.txt
    exit 1
fi
found=$(terraform show -json drift.tfplan | jq -r -f ../../ci/drift.jq)
if [ -n "$found" ]; then
    echo "$ENVIRONMENT has drifted:"
    echo "$found"
fi
# What could not be looked at is a warning, and nobody knows how it is.
warnings=$(sed -n '/^Warning: /,$p' drift.txt)
if [ -n "$warnings" ]; then
    echo "$ENVIRONMENT was not seen in full:"
    echo "$warnings"
fi
[ -z "$found" ] || exit 2
[ -z "$warnings" ] || exit 3
echo "$ENVIRONMENT is as it should be"
