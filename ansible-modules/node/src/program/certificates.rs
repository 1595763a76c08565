//! The certificates on a host: when they end, and those that a crash left half written.

use x509_parser::prelude::{FromDer, X509Certificate};

use crate::authority::der_of;
use crate::failure::Failure;
use crate::files;

/// Where kubeadm keeps them.
pub(crate) const FOLDER: &str = "/etc/kubernetes/pki";

/// Every pair that a control plane has, without its ending.
const PAIRS: [&str; 10] = [
    "ca",
    "front-proxy-ca",
    "etcd/ca",
    "apiserver",
    "apiserver-kubelet-client",
    "apiserver-etcd-client",
    "front-proxy-client",
    "etcd/server",
    "etcd/peer",
    "etcd/healthcheck-client",
];
const KUBECONFIGS: [&str; 5] = ["admin", "super-admin", "kubelet", "controller-manager", "scheduler"];

/// When the first of the leaf certificates ends, in seconds since 1970.
pub(crate) fn first_end() -> Option<i64> {
    let leaves = PAIRS.iter().filter(|pair| !pair.ends_with("ca"));
    leaves.filter_map(|pair| end_of(&format!("{FOLDER}/{pair}.crt"))).min()
}

fn end_of(path: &str) -> Option<i64> {
    let der = der_of(&files::read(path).ok()??)?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

/// Removes what a crash left half written, so that kubeadm makes it anew. A key without its certificate was never used.
/// An authority's certificate without its key is never touched: others may trust it already.
pub(crate) fn mend() -> Result<(), Failure> {
    for pair in PAIRS {
        let (certificate, key) = (format!("{FOLDER}/{pair}.crt"), format!("{FOLDER}/{pair}.key"));
        let (has_certificate, has_key) = (end_of(&certificate).is_some(), is_key(&key));
        let is_authority = pair.ends_with("ca");
        if has_certificate && (has_key || is_authority) {
            continue;
        }
        files::remove(&certificate)?;
        files::remove(&key)?;
    }
    for name in KUBECONFIGS {
        let path = format!("/etc/kubernetes/{name}.conf");
        if !files::exists(&path) {
            files::remove(&path)?;
        }
    }
    Ok(())
}

fn is_key(path: &str) -> bool {
    files::read(path).is_ok_and(|text| text.is_some_and(|text| text.contains("-----END")))
}
