#!/usr/bin/env bash
# Removes what `make quickstart` made: the sandbox with all that was in it, and the state that described it.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1

cargo run --quiet --package sandbox -- --name quickstart down
rm -f examples/quickstart/.terraformrc examples/quickstart/terraform.tfstate examples/quickstart/terraform.tfstate.backup \
    examples/quickstart/terraform.tfstate.gone
