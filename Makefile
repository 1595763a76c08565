# The verbs of this project; people and CI use the same ones. `make` alone lists them.

SHELL := bash

# What is dear to make is kept here, outside the checkout.
export SOCLE_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/socle

# A checkout of CI is new every time, so what it compiles is kept too. Elsewhere cargo uses `target/` as ever: two
# checkouts on one machine must not take each other's provider.
ifdef CI
export CARGO_TARGET_DIR ?= $(SOCLE_CACHE)/target
endif

.PHONY: help
help: ## list the verbs
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

.PHONY: test
test: ## lint, then run all tests; installs what they need where it may
	@acceptance-tests/run-tests.sh

.PHONY: test-full
test-full: test ## what is too long for every change, too: clusters, roles, hosts, manifests on a real API, bundles, backups with faults
	@cargo test --no-fail-fast --package acceptance --test 'backup_*' --test 'cluster*' --test 'collection_*' --test 'host_*' --test 'manifests*' --test 'kubernetes_*' --test 'node_*' --test quickstart --test environments
	@cargo test --no-fail-fast --package backup-agent --test '*'
	@cargo test --no-fail-fast --package modules --test '*'
	@cargo test --package sandbox --test interrupted
	@SOCLE_CREDENTIAL_LIFE=5m cargo test --package acceptance --test short_lived

.PHONY: test-real
test-real: ## run what needs no sandbox on servers of your own: HOSTS=hosts.json (docs/sandbox.md)
	@acceptance-tests/test-real.sh $(HOSTS)

.PHONY: lint
lint: ## check formatting, compiler and clippy warnings, shell scripts
	@acceptance-tests/lint.sh

.PHONY: docs
docs: ## write the registry pages and the modules' documentation anew, from the declarations and examples
	@UPDATE_DOCS=1 cargo test --quiet --package socle --test registry_docs
	@UPDATE_DOCS=1 cargo test --quiet --package modules --test sidecars
	@UPDATE_DOCS=1 cargo test --quiet --package acceptance --test architecture

.PHONY: bench
bench: ## compare with terraform-provider-aws, restic, kubectl, kubeadm and dev-sec, where they are; writes docs/*benchmarks*.md
	@cargo bench --quiet --package acceptance --bench side_by_side -- $(CURDIR)/docs/benchmarks.md
	@cargo bench --quiet --package acceptance --bench manifests -- $(CURDIR)/docs/benchmarks-workloads.md
	@cargo bench --quiet --package backup-agent --bench against_restic -- $(CURDIR)/docs/backup-benchmarks.md
	@# Servers are measured with the programs as they are published. Elsewhere than on Linux there are none, and the rest says so.
	@[ "$$(uname -s)" != Linux ] || $(MAKE) --no-print-directory host-programs
	@$(BENCH_SERVERS) hardening -- $(CURDIR)/docs/benchmarks-hardening.md
	@$(BENCH_SERVERS) clusters -- $(CURDIR)/docs/benchmarks-clusters.md

BENCH_SERVERS = SOCLE_HOST_PROGRAMS=$(or $(CARGO_TARGET_DIR),$(CURDIR)/target)/host-programs \
    cargo bench --quiet --package acceptance --bench

.PHONY: quickstart
quickstart: ## bring up a sandbox on this machine and apply examples/quickstart to it
	@examples/quickstart/up.sh

.PHONY: quickstart-down
quickstart-down: ## remove what the quickstart made
	@examples/quickstart/down.sh

.PHONY: release
release: ## build what is published, reproducibly, into dist/
	@provider/release.sh

HOST_PROGRAMS_TARGET ?= x86_64-unknown-linux-gnu

.PHONY: host-programs
host-programs: ## build the static programs for hosts, into target/host-programs/ARCH
	@RUSTFLAGS="-C target-feature=+crt-static $(RUSTFLAGS_FOR_HOSTS)" cargo build --quiet --profile host \
	    --target $(HOST_PROGRAMS_TARGET) --package modules --package node --bins
	@# A panic of its library must become a recorded failure, so the agent is not built to abort.
	@RUSTFLAGS="-C target-feature=+crt-static" cargo build --quiet --release \
	    --target $(HOST_PROGRAMS_TARGET) --package backup-agent --bins
	@ansible-modules/collect-host-programs.sh $(HOST_PROGRAMS_TARGET)

.PHONY: collection
collection: host-programs ## build the Ansible collection with its programs, into target/collection
	@ansible-modules/build-collection.sh
