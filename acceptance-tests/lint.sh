#!/usr/bin/env bash
# Everything that can be said about the sources without running them. Goes on after a finding, and ends with the
# number of checks that found something.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

findings=0
check() {
    echo "-- $*"
    "$@" || findings=$((findings + 1))
}

check cargo fmt --all --check
check cargo clippy --workspace --all-targets --quiet -- --deny warnings
# Those that only `make test-full` runs are no targets for `--all-targets`.
check cargo clippy --workspace --test '*' --quiet -- --deny warnings
check shellcheck .ci/run acceptance-tests/*.sh acceptance-tests/src/*/*.sh ansible-modules/*.sh acceptance-tests/sandbox/*/*.sh \
    provider/*.sh examples/*/*.sh examples/*/ci/*.sh
check terraform fmt -check -diff -recursive examples
exit "$findings"
