// etcd 3.6.8 and its tools, built from their released modules for the sandbox.
module socle/acceptance-tests/sandbox/etcd

go 1.26.0

tool (
	go.etcd.io/etcd/server/v3
	go.etcd.io/etcd/etcdctl/v3
	go.etcd.io/etcd/etcdutl/v3
)

require go.etcd.io/etcd/server/v3 v3.6.8
require go.etcd.io/etcd/etcdctl/v3 v3.6.8
require go.etcd.io/etcd/etcdutl/v3 v3.6.8
