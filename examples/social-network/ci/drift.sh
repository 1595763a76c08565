#!/bin/sh
# Plans, as one who may only look, and fails with every address at which the world is not what the code says.
set -eu

# With an exit status of its own for changes, an output that changes by itself, such as that of the last backup, would
# pass for drift.
if ! terraform plan -no-color -lock=false -out=drift.tfplan >drift.txt; then
    cat drift.txt
    exit 1
fi
terraform show -json drift.tfplan >drift.json
found=$(jq -r -f ../../ci/drift.jq drift.json)
if [ -n "$found" ]; then
    echo "$ENVIRONMENT has drifted:"
    echo "$found"
fi
sed -n '/^Warning: /,$p' drift.txt
# Who may only look sees no secret, and a check that fails is no drift. Any other warning is of what could not be looked at:
# nobody knows how it is.
unseen=$(grep '^Warning: ' drift.txt | grep -v -e 'Secret cannot be seen' -e 'Check block assertion failed' || :)
[ -z "$unseen" ] || echo "$ENVIRONMENT could not be looked at in full."
[ -z "$found" ] || exit 2
[ -z "$unseen" ] || exit 3
echo "$ENVIRONMENT is as it should be"
