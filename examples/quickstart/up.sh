#!/usr/bin/env bash
# Applies the quickstart to a sandbox on this machine, with the provider and the collection of this checkout, and says
# what there is. `$TERRAFORM` is another program than `terraform`, `$QUICKSTART` another name than `quickstart`: several go
# side by side. `$SOCLE_PROGRAMS` and `$SOCLE_HOST_PROGRAMS` are folders of programs that are built already.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1
here=examples/quickstart
name=${QUICKSTART:-quickstart}
# Where the state is: another name's in a workspace of that name.
place=$here
if [ "$name" != quickstart ]; then
    place=$here/terraform.tfstate.d/$name
    export TF_WORKSPACE=$name
fi
began=$SECONDS

step() {
    echo "-- $* ($((SECONDS - began)) s)"
}

# Terraform would read them, and put servers of yours in the place of the sandbox's.
if compgen -G "$here/terraform.tfvars*" >/dev/null || compgen -G "$here/*.auto.tfvars*" >/dev/null; then
    echo "$here has a file of variables: copy the folder for servers of your own, and keep that file in the copy" >&2
    exit 1
fi

acceptance-tests/prerequisites.sh quickstart
step "building the provider, the sandbox and the programs of hosts"
[ -n "${SOCLE_PROGRAMS:-}" ] || cargo build --quiet --package socle --package sandbox --bins
programs=${SOCLE_PROGRAMS:-$(realpath "${CARGO_TARGET_DIR:-target}")/debug}
sandbox() {
    "$programs/sandbox" --name "$name" "$@"
}

# Terraform takes the provider from here, and asks no registry. The file stays, for whoever goes on by hand.
mkdir -p "$place"
export TF_CLI_CONFIG_FILE=$PWD/$place/.terraformrc CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1
by_hand="eval \"\$($programs/sandbox --name $name env)\"; export TF_CLI_CONFIG_FILE=$TF_CLI_CONFIG_FILE${TF_WORKSPACE:+ TF_WORKSPACE=$name}"
cat >"$TF_CLI_CONFIG_FILE" <<HCL
provider_installation {
  dev_overrides {
    "socle-platform/socle" = "$programs"
  }
  direct {}
}
HCL
terraform=$(type -P "${TERRAFORM:-terraform}")
terraform() {
    "$terraform" -chdir="$here" "$@"
}

sandbox doctor --install
if sandbox doctor | grep '^servers: left out'; then
    echo "so the domain alone is moved, to a Route 53 of this machine's own"
    sandbox up --aws
    eval "$(sandbox env)"
    export TF_VAR_admin_networks='[]' TF_VAR_private_key_file=/dev/null
    export TF_VAR_servers='{"server-1": {"address": "203.0.113.10", "host_key": ""}, "server-2": {"address": "203.0.113.11", "host_key": ""}}'
    terraform apply -auto-approve -compact-warnings -target=socle_dns_zone.main
    cat <<TEXT

What there is now, and how to look at it:
  the zone            terraform -chdir=$here state show socle_dns_zone.main
To go on by hand:     $by_hand
To remove all of it:  make quickstart-down${TF_WORKSPACE:+ QUICKSTART=$name}
TEXT
    exit
fi
[ -n "${SOCLE_HOST_PROGRAMS:-}" ] || make --no-print-directory host-programs
export SOCLE_HOST_PROGRAMS=${SOCLE_HOST_PROGRAMS:-$(realpath "${CARGO_TARGET_DIR:-target}")/host-programs}

# What is known of a sandbox that is gone would be told of servers that never were.
if [ "$(sandbox status --json)" = null ] && [ -e "$place/terraform.tfstate" ]; then
    mv "$place/terraform.tfstate" "$place/terraform.tfstate.gone"
fi

step "bringing the sandbox up"
sandbox up --servers 2 --aws --vault --kubernetes 1.37.2
eval "$(sandbox env)"
: "${TF_VAR_bundles:?}"
VAULT_TOKEN=$(sandbox token --root)
PATH=$(sandbox ansible):$PATH
export VAULT_TOKEN PATH TF_VAR_admin_networks='["198.18.0.0/15"]' TF_VAR_sandbox=true
TF_VAR_images=$("$here/images.sh" "$TF_VAR_bundles")
export TF_VAR_images

scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT

# Secrets are made once, by chance, and only Vault has them: what is there already is not written over (`cas`).
(umask 077 && echo "X-Vault-Token: $VAULT_TOKEN" >"$scratch/token")
secret() {
    local answer
    answer=$(curl --silent --show-error --cacert "$VAULT_CACERT" --header "@$scratch/token" --data @- \
        --output "$scratch/answer" --write-out '%{http_code}' \
        "$VAULT_ADDR/v1/secret/data/quickstart/$1" <<<"{\"options\": {\"cas\": 0}, \"data\": $2}")
    if [ "$answer" != 200 ] && ! grep -q 'check-and-set' "$scratch/answer"; then
        echo "Vault does not take the secret quickstart/$1 ($answer): $(cat "$scratch/answer")" >&2
        exit 1
    fi
}
chance() {
    openssl rand -hex 24
}
secret database "{\"password\": \"$(chance)\"}"
secret backup "{\"password\": \"$(chance)\", \"access_key\": \"$AWS_ACCESS_KEY_ID\", \"secret_key\": \"$AWS_SECRET_ACCESS_KEY\"}"

# Ansible takes the collection from here.
mkdir -p "$scratch/ansible_collections/socle"
ln -s "$PWD/ansible-modules/collection" "$scratch/ansible_collections/socle/platform"
export ANSIBLE_COLLECTIONS_PATH=$scratch

step "applying $here"
terraform apply -auto-approve -compact-warnings | tee "$scratch/apply.log"

step "asking for the site by its name"
site=$(terraform output -raw site) && site=${site#http://} && site=${site%/}
address=$(terraform output -raw address)
curl --silent --show-error --fail --max-time 10 --retry 20 --retry-all-errors --retry-delay 1 \
    --header "Host: $site" "http://$address/"

plan=$SECONDS
if ! terraform plan -detailed-exitcode -compact-warnings >"$scratch/plan.log"; then
    cat "$scratch/plan.log"
    echo "a second plan should change nothing" >&2
    exit 1
fi
echo "a second plan changes nothing, and says so in $((SECONDS - plan)) s"

echo
echo "How long each part took:"
colours=$'s/\x1b\\[[0-9;]*m//g'
sed -E -e "$colours" "$scratch/apply.log" |
    sed -nE 's/^(.+): Creation complete after ([0-9ms]+).*/  \2\t\1/p'
cat <<TEXT

What there is now, and how to look at it:
  the site            curl --header 'Host: $site' http://$address/
  the cluster         $programs/sandbox --name $name exec server-1 -- kubectl --kubeconfig /etc/kubernetes/admin.conf get pods -A
  the database        $programs/sandbox --name $name exec server-2 -- sudo -u postgres psql social
  its backups         terraform -chdir=$here output backup
  the hardening       terraform -chdir=$here output hardening
  the zone            terraform -chdir=$here output records
To go on by hand:     $by_hand
To remove all of it:  make quickstart-down${TF_WORKSPACE:+ QUICKSTART=$name}
All of it took $((SECONDS - began)) s.
TEXT
