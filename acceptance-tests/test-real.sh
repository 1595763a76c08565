#!/usr/bin/env bash
# test-real.sh HOSTS: runs the tests that need nothing of a sandbox on servers of one's own, which HOSTS describes
# (docs/sandbox.md). Three servers, on which nothing is dear to anybody: the tests change them.
set -uo pipefail

if [ -z "${1:-}" ]; then
    echo "name the file of your servers: make test-real HOSTS=hosts.json (docs/sandbox.md says what is in it)"
    exit 2
fi
SOCLE_TEST_HOSTS=$(realpath "$1") || exit 2
export SOCLE_TEST_HOSTS
python3 -m json.tool "$SOCLE_TEST_HOSTS" >/dev/null || { echo "$1 is no JSON"; exit 2; }
cd "$(dirname "$0")/.." || exit 1

# What needs no verb of the sandbox (no `stop`, `cut`, `slow`, …) and no root login: FILE TEST. A cluster comes first, while
# the servers are as they were rented.
tests() {
    cat <<'LIST'
cluster one_server_becomes_a_cluster_and_a_server_again
backup_policy files_are_backed_up_shown_when_they_drift_and_left_in_the_repository
host_ssh a_command_gets_its_input_and_gives_output_status_and_complaints
host_ssh thirty_commands_on_two_hosts_share_two_connections
host_ssh another_host_key_is_refused_with_both_fingerprints
host_ssh a_stranger_is_refused_known_hosts_lets_it_in_and_so_does_a_first_contact
host_ssh a_key_that_the_host_does_not_know_is_refused_by_name
host_ssh a_second_server_is_reached_through_the_first
host_ssh a_bastion_with_another_key_is_refused
host_ssh a_cancel_ends_a_running_command_within_two_seconds
host_ssh a_program_is_brought_once_and_runs_as_root_with_its_arguments_on_standard_input
host_hardened is_hardened_stays_so_shows_drift_and_is_forgotten
host_resource is_imported_by_user_and_address_and_plans_empty
LIST
}

# names_key KEY: whether the file of servers has it.
names_key() {
    python3 -c 'import json, sys; sys.exit(sys.argv[2] not in json.load(open(sys.argv[1])))' "$SOCLE_TEST_HOSTS" "$1"
}

# lacks FILE: says what the tests of FILE need and the file of servers does not name.
lacks() {
    case $1 in
    cluster) names_key bundles || echo "\"bundles\", a folder of bundles of Kubernetes" ;;
    backup_policy) names_key s3 || echo "\"s3\", a place for buckets" ;;
    esac
}

passed=0
failed=0
for file in $(tests | cut -d' ' -f1 | uniq); do
    lacking=$(lacks "$file")
    if [ -n "$lacking" ]; then
        echo "$file: left out: $1 does not name $lacking"
        continue
    fi
    mapfile -t names < <(tests | sed -n "s/^$file /on_servers::/p")
    said=$(cargo test --quiet --package acceptance --test "$file" -- --exact --test-threads=1 "${names[@]}" 2>&1)
    echo "$said"
    ok=$(sed -n 's/^test result: .* \([0-9]*\) passed;.*/\1/p' <<<"$said")
    passed=$((passed + ${ok:-0}))
    # A name that is no longer there would pass in silence.
    failed=$((failed + ${#names[@]} - ${ok:-0}))
done
echo "$passed passed, $failed failed"
exit $((failed > 0))
