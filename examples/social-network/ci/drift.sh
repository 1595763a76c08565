#!/bin/sh
# Plans, as one who may only look, and fails with every address at which the world is not what the code says.
set -eu

# With an exit status of its own for changes, an output that changes by itself, such as that of the last backup, would
# pass for drift.
if ! terraform plan -no-color -lock=false -out=drift.tfplan >drift.txt; then
    cat drift.txt
    exit 1
fi
# What could not be looked at is a warning.
sed -n '/^Warning: /,$p' drift.txt
found=$(terraform show -json drift.tfplan | jq -r -f ../../ci/drift.jq)
if [ -z "$found" ]; then
    echo "$ENVIRONMENT is as it should be"
    exit
fi
echo "$ENVIRONMENT has drifted:"
echo "$found"
exit 2
