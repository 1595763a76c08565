#!/bin/sh
# Tells Vault about one environment: who may be it, and what it may do. Run once by an administrator of Vault, and again
# whenever this file changes:
#
#   ci/vault.sh NAME BRANCH PROJECT        such as: ci/vault.sh staging develop example-social/infrastructure
#
# Two identities come of it. `NAME` changes things; only jobs of the protected branch are it. `NAME-plan` looks; jobs of
# any branch of the project are it for staging, so that merge requests are planned, and else jobs of the protected branch.
set -eu

name=$1
branch=$2
project=$3
audience=${AUDIENCE:-$VAULT_ADDR}
life=${LIFE:-15m}

# What may be read of the environment's folder, and which certificates are signed.
vault policy write "$name" - <<POLICY
path "secret/data/$name/*" { capabilities = ["read"] }
path "secret/metadata/$name/*" { capabilities = ["read"] }
path "ssh/sign/$name" { capabilities = ["update"] }
POLICY
vault policy write "$name-plan" - <<POLICY
path "secret/metadata/$name/*" { capabilities = ["read"] }
path "ssh/sign/$name-plan" { capabilities = ["update"] }
POLICY

# role ROLE REF PROTECTED: the jobs that are ROLE. GitLab's truth values are text.
role() {
    vault write "auth/jwt/role/$1" - <<ROLE
{
  "role_type": "jwt",
  "user_claim": "user_login",
  "bound_audiences": ["$audience"],
  "bound_claims_type": "glob",
  "bound_claims": { "project_path": "$project", "ref_type": "branch", "ref": "$2", "ref_protected": $3 },
  "token_policies": ["$1"],
  "token_ttl": "$life",
  "token_max_ttl": "$life"
}
ROLE
}
role "$name" "$branch" '["true"]'
if [ "$name" = staging ]; then
    role "$name-plan" '*' '["true", "false"]'
else
    role "$name-plan" "$branch" '["true"]'
fi

# certificates ROLE OPTIONS: who signs for the user `admin` of the servers. `none` is no option of sshd: whoever asks for
# a certificate can ask for no others than those of the role.
certificates() {
    vault write "ssh/roles/$1" - <<ROLE
{
  "key_type": "ca",
  "allow_user_certificates": true,
  "allowed_users": "admin,root",
  "default_critical_options": $2,
  "allowed_critical_options": "none",
  "default_extensions": {},
  "allowed_extensions": "none",
  "ttl": "10m",
  "max_ttl": "10m"
}
ROLE
}
certificates "$name" '{}'
# sshd runs this whatever the client asks for: it starts what is installed, in check mode.
certificates "$name-plan" "$(jq --null-input --rawfile observe "$(dirname "$0")/observe.sh" '{ "force-command": $observe }')"
