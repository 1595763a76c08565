#!/usr/bin/env bash
# Runs database.yml on one server. Terraform gives ADDRESS, HOST_KEY, SSH_USER, PRIVATE_KEY and CLIENTS.
set -euo pipefail
cd "$(dirname "$0")"

known_hosts=$(mktemp)
trap 'rm -f "$known_hosts"' EXIT
echo "$ADDRESS $HOST_KEY" >"$known_hosts"

export ANSIBLE_SSH_COMMON_ARGS="-o UserKnownHostsFile=$known_hosts -o GlobalKnownHostsFile=none"
ansible-playbook --inventory "$ADDRESS," --user "$SSH_USER" --private-key "$PRIVATE_KEY" \
    --extra-vars "{\"clients\": [\"$CLIENTS\"]}" database.yml
