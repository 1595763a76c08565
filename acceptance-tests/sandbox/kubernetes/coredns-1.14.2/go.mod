// CoreDNS, built from its released module for the sandbox.
module socle/acceptance-tests/sandbox/coredns

go 1.26.0

tool (
	github.com/coredns/coredns
)

require github.com/coredns/coredns v1.14.2
