# shellcheck shell=sh
# Sourced by every job that is somebody. Makes it the role `social-$IDENTITY` of AWS and the role `$IDENTITY` of Vault,
# goes to the root module of `$ENVIRONMENT`, and initialises it.
#
# The SDKs of AWS exchange the token in the file for credentials, and do so again whenever those end; the provider does
# the same with Vault's.
set -eu

AWS_WEB_IDENTITY_TOKEN_FILE=$(umask 077 && mktemp)
trap 'rm -f "$AWS_WEB_IDENTITY_TOKEN_FILE"' EXIT
printf '%s' "$AWS_ID_TOKEN" >"$AWS_WEB_IDENTITY_TOKEN_FILE"
unset AWS_ID_TOKEN

export AWS_WEB_IDENTITY_TOKEN_FILE
export AWS_ROLE_ARN="arn:aws:iam::$AWS_ACCOUNT:role/social-$IDENTITY"
export AWS_ROLE_SESSION_NAME="gitlab-$CI_JOB_ID"
export TF_VAR_identity="$IDENTITY" TF_VAR_login=jwt

cd "environments/$ENVIRONMENT"
terraform init
