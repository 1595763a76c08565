//! etcd, asked through its JSON gateway (`/v3/…`) with the certificates that lie on a control plane.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use node::observation::EtcdMember;
use serde_json::{Value, json};

use crate::encoding::from_base64;
use crate::failure::Failure;
use crate::files;
use crate::https::{Client, Identity};

/// A member of etcd.
#[derive(Debug)]
pub(crate) struct Etcd {
    client: Client,
}

const AUTHORITY: &str = "/etc/kubernetes/pki/etcd/ca.crt";
const CERTIFICATE: &str = "/etc/kubernetes/pki/apiserver-etcd-client.crt";
const KEY: &str = "/etc/kubernetes/pki/apiserver-etcd-client.key";

impl Etcd {
    /// The member at that address.
    pub(crate) fn at(address: IpAddr, timeout: Duration) -> Result<Self, Failure> {
        let (authority, certificate, key) =
            (files::require(AUTHORITY)?, files::require(CERTIFICATE)?, files::require(KEY)?);
        let identity = Identity { authority: &authority, certificate: &certificate, key: &key };
        Ok(Self { client: Client::new(format!("https://{address}:2379"), &identity, timeout)? })
    }

    /// The member of this host.
    pub(crate) fn here(timeout: Duration) -> Result<Self, Failure> {
        Self::at(Ipv4Addr::LOCALHOST.into(), timeout)
    }

    /// All members; each is asked whether it is well, by what its own status says.
    pub(crate) fn members(&self, timeout: Duration) -> Result<Vec<EtcdMember>, Failure> {
        let list = self.client.post("/v3/cluster/member/list", &json!({}))?;
        let items = list["members"].as_array().cloned().unwrap_or_default();
        std::thread::scope(|scope| {
            let asked: Vec<_> = items.iter().map(|item| scope.spawn(|| member(item, timeout))).collect();
            Ok(asked.into_iter().filter_map(|asked| asked.join().ok()).collect())
        })
    }

    /// Adds a member that learns first, and has no vote.
    pub(crate) fn add_learner(&self, peer: &str) -> Result<(), Failure> {
        self.client
            .post("/v3/cluster/member/add", &json!({ "peerURLs": [peer], "isLearner": true }))
            .map(drop)
    }

    /// Gives a learner its vote; refused until it has caught up.
    pub(crate) fn promote(&self, id: u64) -> Result<(), Failure> {
        self.client.post("/v3/cluster/member/promote", &json!({ "ID": id.to_string() })).map(drop)
    }

    /// Removes a member; one that is gone is a success.
    pub(crate) fn remove(&self, id: u64) -> Result<(), Failure> {
        let path = "/v3/cluster/member/remove";
        let reply =
            self.client.ask("POST", path, crate::https::JSON, Some(&json!({ "ID": id.to_string() })))?;
        if reply.status == 404 { Ok(()) } else { self.client.accepted("POST", path, reply).map(drop) }
    }

    /// Writes a snapshot: the stream's pieces are JSON, one a line, with bytes in Base64.
    pub(crate) fn snapshot(&self, into: &mut impl Write) -> Result<u64, Failure> {
        let failed = |detail: String| Failure::Https { url: "/v3/maintenance/snapshot".into(), detail };
        let stream = self.client.stream("/v3/maintenance/snapshot", &json!({}))?;
        let mut written = 0;
        for line in BufReader::new(stream).lines() {
            let line = line.map_err(|error| failed(error.to_string()))?;
            let piece: Value = serde_json::from_str(&line).map_err(|error| failed(error.to_string()))?;
            if let Some(error) = piece["error"]["message"].as_str() {
                return Err(failed(error.to_owned()));
            }
            let bytes = piece["result"]["blob"].as_str().and_then(from_base64).unwrap_or_default();
            into.write_all(&bytes).map_err(|error| failed(error.to_string()))?;
            written += bytes.len() as u64;
        }
        Ok(written)
    }

    fn is_well(&self) -> bool {
        let status = self.client.post("/v3/maintenance/status", &json!({}));
        // The leader is 0 where there is none.
        status.is_ok_and(|status| status["leader"].as_str().is_some_and(|leader| leader != "0"))
    }
}

fn member(item: &Value, timeout: Duration) -> EtcdMember {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (name, client) = (text(&item["name"]), text(&item["clientURLs"][0]));
    let address =
        client.trim_start_matches("https://").rsplit_once(':').and_then(|(host, _)| host.parse().ok());
    let well = |address| Etcd::at(address, timeout).is_ok_and(|etcd| etcd.is_well());
    EtcdMember {
        id: text(&item["ID"]).parse().unwrap_or_default(),
        started: !name.is_empty(),
        name,
        peer: text(&item["peerURLs"][0]),
        votes: item["isLearner"] != json!(true),
        healthy: address.is_some_and(well),
    }
}
