#!/usr/bin/env bash
# Applies the quickstart to a sandbox on this machine, with the provider of this checkout, and says what there is.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1

acceptance-tests/prerequisites.sh
echo "building the provider and the sandbox"
cargo build --quiet --package socle --package sandbox --bins
programs=$(realpath "${CARGO_TARGET_DIR:-target}")/debug

"$programs/sandbox" --name quickstart up --aws
eval "$("$programs/sandbox" --name quickstart env)"

# Terraform takes the provider from here, and asks no registry. The file stays, for whoever goes on by hand.
settings=$PWD/examples/quickstart/.terraformrc
cat >"$settings" <<HCL
provider_installation {
  dev_overrides {
    "socle-platform/socle" = "$programs"
  }
  direct {}
}
HCL
export TF_CLI_CONFIG_FILE=$settings CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1

terraform=${TERRAFORM:-terraform}
start=$SECONDS
"$terraform" -chdir=examples/quickstart apply -auto-approve -compact-warnings
echo "applied in $((SECONDS - start)) s"

start=$SECONDS
"$terraform" -chdir=examples/quickstart plan -detailed-exitcode -compact-warnings >/dev/null &&
    echo "a second plan changes nothing, and says so in $((SECONDS - start)) s"

cat <<TEXT

What there is now:
  a Route 53 of your own        $programs/sandbox --name quickstart status
  the zone, record by record    terraform -chdir=examples/quickstart output records
  the zone as a file            terraform -chdir=examples/quickstart output -raw zone_file
To go on by hand:               eval "\$($programs/sandbox --name quickstart env)"
                                export TF_CLI_CONFIG_FILE=$settings
                                terraform -chdir=examples/quickstart plan
To remove all of it:            make quickstart-down
TEXT
