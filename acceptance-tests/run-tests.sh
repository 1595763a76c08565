#!/usr/bin/env bash
# Lints, builds and tests the whole workspace. Ends with one line, `N passed, N failed`, in which a lint, a build or a
# crash that failed counts as one.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

passed=0
failed=0

finish() {
    echo "$passed passed, $failed failed"
    exit $((failed > 0))
}

acceptance-tests/prerequisites.sh || { failed=1 && finish; }

# CI keeps what it compiles from one checkout to the next. Cargo goes by the times of files, so what an earlier checkout
# built of the workspace itself might pass for this one's.
[ -z "${CI:-}" ] || cargo clean --workspace --quiet

acceptance-tests/lint.sh
failed=$?

# Programs are built together with the tests: by themselves they would need other features of the same dependencies, and
# all of those would be compiled twice.
cargo build --workspace --bins --tests --quiet || { failed=$((failed + 1)) && finish; }
programs=$(realpath "${CARGO_TARGET_DIR:-target}")/debug
export SOCLE_PROGRAMS=$programs

# What tests would otherwise wait for one after the other, without a word.
materials=(--vault --kubernetes 1.37.2)
type -P "${TOFU:-tofu}" >/dev/null || materials+=(--opentofu)
{ "$programs/sandbox" doctor --install && "$programs/sandbox" prepare "${materials[@]}"; } ||
    { failed=$((failed + 1)) && finish; }
left_out=()
if "$programs/sandbox" doctor | grep '^servers: left out'; then
    left_out=(--skip on_servers)
fi

results=$(mktemp)
trap 'rm -f "$results"' EXIT
# The older bash of macOS takes an empty list for an unset one.
cargo test --workspace --no-fail-fast -- ${left_out[@]+"${left_out[@]}"} 2>&1 | tee "$results"
status=${PIPESTATUS[0]}

# "test result: ok. 48 passed; 0 failed; 0 ignored; ..." closes each test binary.
count() {
    awk -v what="$1;" '/^test result: / { for (i = 2; i <= NF; i++) if ($i == what) sum += $(i - 1) } END { print sum + 0 }' "$results"
}

passed=$(count passed)
failures=$(count failed)
# A test binary that crashed has no result.
[ "$status" = 0 ] || [ "$failures" -gt 0 ] || failures=1
failed=$((failed + failures))
finish
