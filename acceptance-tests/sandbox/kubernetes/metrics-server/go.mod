// metrics-server, built from its released module for the sandbox.
module socle/acceptance-tests/sandbox/metrics-server

go 1.26.0

tool (
	sigs.k8s.io/metrics-server/cmd/metrics-server
)

require sigs.k8s.io/metrics-server v0.9.0
