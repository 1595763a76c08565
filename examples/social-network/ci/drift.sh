#!/bin/sh
# Plans, as one who may only look, and fails with every address at which the world is not what the code says.
set -eu

set +e
terraform plan -lock=false -detailed-exitcode -out=drift.tfplan >drift.txt
status=$?
set -e

case $status in
0) echo "$ENVIRONMENT is as it should be" ;;
2)
    echo "$ENVIRONMENT has drifted:"
    terraform show -json drift.tfplan | jq -r -f ../../ci/drift.jq
    exit 2
    ;;
*)
    cat drift.txt
    exit "$status"
    ;;
esac
