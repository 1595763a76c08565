//! What the timer does: kubelets' requests approved, certificates renewed. A node lives between applies.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use node::journal::{Journal, Member};
use node::specification::Role;
use node::step::Answer;
use serde_json::{Value, json};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use crate::api::Api;
use crate::authority::der_of;
use crate::command::{ctr, run};
use crate::encoding::from_base64;
use crate::failure::Failure;
use crate::files::{self, Readers};
use crate::{certificates, observe};

const QUESTION: Duration = Duration::from_secs(10);
const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const SIGNER: &str = "kubernetes.io/kubelet-serving";
/// Certificates are renewed when they end within this time, in seconds: thirty days of a year.
const EARLY: i64 = 30 * 86_400;

/// One round.
pub(crate) fn tend() -> Result<Answer, Failure> {
    let is_control_plane = files::exists("/etc/kubernetes/manifests/kube-apiserver.yaml");
    let Some(journal) = observe::own_journal()?.filter(|_| is_control_plane) else {
        return Ok(Answer::done(false));
    };
    let approve = || Api::here(QUESTION).and_then(|api| approve(&api, &journal));
    round(|| renew(&journal), approve).map(Answer::done)
}

/// Neither waits for the other to succeed: an API server that does not answer may be one whose certificate has ended.
fn round(
    renew: impl FnOnce() -> Result<bool, Failure>,
    approve: impl FnOnce() -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let renewed = renew().map_err(Failure::during("renew"));
    let approved = approve().map_err(Failure::during("approve"));
    Ok(renewed? | approved?)
}

// === approval ===

/// Approves the requests of members' kubelets for certificates of their own.
pub(crate) fn approve(api: &Api, journal: &Journal) -> Result<bool, Failure> {
    let requests = requests(api)?;
    let waiting = requests.iter().filter(|item| item["status"]["conditions"].is_null());
    let mut changed = false;
    for request in waiting {
        if judge(request, journal).is_ok() {
            say_yes(api, request)?;
            changed = true;
        }
    }
    Ok(changed)
}

/// Has the kubelet of this node asked for one?
pub(crate) fn has_asked(api: &Api, node: &str) -> Result<bool, Failure> {
    let user = format!("system:node:{node}");
    Ok(requests(api)?.iter().any(|item| item["spec"]["username"] == user.as_str()))
}

fn requests(api: &Api) -> Result<Vec<Value>, Failure> {
    let list =
        api.get(&format!("{REQUESTS}?fieldSelector=spec.signerName%3Dkubernetes.io%2Fkubelet-serving"))?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

fn say_yes(api: &Api, request: &Value) -> Result<(), Failure> {
    let name = request["metadata"]["name"].as_str().unwrap_or_default();
    let mut approved = request.clone();
    approved["status"]["conditions"] = json!([{
        "type": "Approved", "status": "True", "reason": "InTheJournal",
        "message": "name, groups, usages and addresses are those of a member in the journal",
    }]);
    api.put(&format!("{REQUESTS}/{name}/approval"), &approved).map(drop)
}

/// Is it the request of a member's kubelet, for its own name and addresses, and nothing else?
fn judge(request: &Value, journal: &Journal) -> Result<(), &'static str> {
    let spec = &request["spec"];
    let user = spec["username"].as_str().unwrap_or_default();
    let name = user.strip_prefix("system:node:").ok_or("not asked by a node")?;
    let member = journal.members.get(name).ok_or("not asked by a member")?;
    if spec["signerName"] != json!(SIGNER) {
        return Err("for another signer");
    }
    if !strings(&spec["groups"]).contains("system:nodes") {
        return Err("asked by nobody of the nodes' group");
    }
    let usages = strings(&spec["usages"]);
    let allowed = ["digital signature", "key encipherment", "server auth"];
    if !usages.contains("server auth") || usages.iter().any(|usage| !allowed.contains(usage)) {
        return Err("for other usages");
    }
    judge_content(spec["request"].as_str().unwrap_or_default(), name, member)
}

fn judge_content(request: &str, name: &str, member: &Member) -> Result<(), &'static str> {
    let pem = from_base64(request).ok_or("not Base64")?;
    let der = der_of(&String::from_utf8_lossy(&pem)).ok_or("not PEM")?;
    let (_, parsed) = X509CertificationRequest::from_der(&der).map_err(|_| "not a request")?;
    let subject = &parsed.certification_request_info.subject;
    if subject.to_string() != format!("O=system:nodes, CN=system:node:{name}") {
        return Err("for another subject");
    }
    let names = parsed.requested_extensions().into_iter().flatten().find_map(|extension| match extension {
        ParsedExtension::SubjectAlternativeName(names) => Some(names),
        _ => None,
    });
    let names = names.ok_or("without a name")?;
    let fits = |general: &GeneralName<'_>| match general {
        GeneralName::DNSName(found) => *found == name,
        GeneralName::IPAddress(bytes) => address(bytes).is_some_and(|address| is_of(member, address)),
        _ => false,
    };
    if names.general_names.iter().all(fits) { Ok(()) } else { Err("for a name or address of another") }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn is_of(member: &Member, address: IpAddr) -> bool {
    address == IpAddr::from(member.internal) || member.address.parse() == Ok(address)
}

fn strings(value: &Value) -> BTreeSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

// === renewal ===

/// Stands while certificates are renewed and what holds them is started anew: by the files alone, one that was killed
/// in between looks as if it had ended.
const BEGUN: &str = "/var/lib/socle/cluster/renewing";

/// Renews the leaf certificates of this host when they end soon, and starts what holds them anew. One node at a time: it
/// waits for its turn, and for all others to be well.
fn renew(journal: &Journal) -> Result<bool, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let left = certificates::first_end().map(|end| end - i64::try_from(now).unwrap_or_default());
    let state = Renewal { left, begun: files::exists(BEGUN), is_my_turn: is_my_turn(journal, now) };
    if !state.is_due(others_are_well) {
        return Ok(false);
    }
    files::write(BEGUN, "certificates are renewed\n", Readers::Root)?;
    run("kubeadm", &["certs", "renew", "all"])?;
    restart_static_pods()?;
    files::remove(BEGUN)?;
    Ok(true)
}

/// What decides on a renewal.
#[derive(Debug, Clone, Copy)]
struct Renewal {
    /// How long until the first certificate ends, in seconds.
    left: Option<i64>,
    begun: bool,
    is_my_turn: bool,
}

impl Renewal {
    fn is_due(self, others_are_well: impl FnOnce() -> bool) -> bool {
        let within = |seconds: i64| self.left.is_some_and(|left| left < seconds);
        // With a certificate that has ended, nobody could say how the others are.
        within(0) || ((self.begun || within(EARLY) && self.is_my_turn) && others_are_well())
    }
}

fn others_are_well() -> bool {
    let members = crate::etcd::Etcd::here(QUESTION).and_then(|etcd| etcd.members(QUESTION));
    members.is_ok_and(|members| node::quorum::may_pause(&members).is_ok())
}

/// Each control plane has an hour of the day.
fn is_my_turn(journal: &Journal, now: u64) -> bool {
    let planes = journal.members.iter().filter(|(_, member)| member.role == Role::ControlPlane);
    let place = planes.map(|(name, _)| name).position(|name| *name == journal.node);
    place.is_some_and(|place| (now / 3600) % 24 == place as u64 % 24)
}

/// The kubelet ends a static pod whose manifest goes, and starts it when it comes back.
fn restart_static_pods() -> Result<(), Failure> {
    let tasks = ctr(&["containers", "ls", "-q"])?;
    for component in ["kube-controller-manager", "kube-scheduler", "kube-apiserver", "etcd"] {
        let filter = format!("labels.\"io.kubernetes.container.name\"=={component}");
        let found = ctr(&["containers", "ls", "-q", &filter])?;
        for container in found.lines().filter(|container| tasks.contains(*container)) {
            // The kubelet starts it again at once, with the new certificate.
            let _ = ctr(&["tasks", "kill", "-s", "SIGTERM", container]);
        }
        let api = Api::here(QUESTION)?;
        crate::wait::until("the API server of this host", Duration::from_mins(3), || api.is_ready())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use node::journal::State;
    use node::specification::{Fixed, NetworkMode, Pods};
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;
    use crate::encoding::base64;

    fn journal() -> Journal {
        let member = Member {
            role: Role::Worker,
            address: "203.0.113.21".into(),
            internal: "10.220.0.2".parse().unwrap(),
            pod_range: "10.244.1.0/24".parse().unwrap(),
            number: 1,
            node_id: "id".into(),
            mesh_key: None,
        };
        let range = "10.0.0.0/8".parse().unwrap();
        Journal {
            cluster_id: "c1".into(),
            owner: "terraform".into(),
            fixed: Fixed {
                name: "prod".into(),
                mode: NetworkMode::Wireguard,
                pod_cidr: range,
                service_cidr: range,
                mesh_cidr: range,
                pods: Pods::Routed,
            },
            state: State::Complete,
            generation: 1,
            node: "w-1".into(),
            members: BTreeMap::from([("w-1".into(), member)]),
        }
    }

    fn request(asked_by: &str, subject: &str, names: &[SanType]) -> Value {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(DnType::OrganizationName, "system:nodes");
        parameters.distinguished_name.push(DnType::CommonName, subject);
        parameters.subject_alt_names = names.to_vec();
        let pem = parameters.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
        json!({ "spec": {
            "username": asked_by, "groups": ["system:nodes", "system:authenticated"], "signerName": SIGNER,
            "usages": ["digital signature", "server auth"], "request": base64(pem),
        }})
    }

    fn own_names() -> Vec<SanType> {
        vec![SanType::DnsName("w-1".try_into().unwrap()), SanType::IpAddress("10.220.0.2".parse().unwrap())]
    }

    const OWN: &str = "system:node:w-1";

    #[test]
    fn a_members_own_request_is_approved() {
        assert_eq!(judge(&request(OWN, OWN, &own_names()), &journal()), Ok(()));
    }

    #[test]
    fn whoever_is_not_in_the_journal_is_refused() {
        let other = "system:node:w-2";
        assert_eq!(judge(&request(other, other, &own_names()), &journal()), Err("not asked by a member"));
        assert_eq!(judge(&request("admin", OWN, &own_names()), &journal()), Err("not asked by a node"));
    }

    #[test]
    fn another_nodes_subject_name_or_address_is_refused() {
        let refused = |subject, names: &[SanType]| judge(&request(OWN, subject, names), &journal());
        assert_eq!(refused("system:node:cp-1", &own_names()), Err("for another subject"));
        let address = [SanType::IpAddress("10.220.0.1".parse().unwrap())];
        assert_eq!(refused(OWN, &address), Err("for a name or address of another"));
        let name = [SanType::DnsName("kubernetes.default".try_into().unwrap())];
        assert_eq!(refused(OWN, &name), Err("for a name or address of another"));
    }

    #[test]
    fn a_certificate_for_clients_is_refused() {
        let mut asked = request(OWN, OWN, &own_names());
        asked["spec"]["usages"] = json!(["server auth", "client auth"]);
        assert_eq!(judge(&asked, &journal()), Err("for other usages"));
    }

    #[test]
    fn certificates_are_renewed_while_the_api_does_not_answer() {
        let silent = || Err(Failure::Https { url: "api".into(), detail: "no answer".into() });
        let renewed = std::cell::Cell::new(false);
        let renew = || {
            renewed.set(true);
            Ok(true)
        };
        assert!(round(renew, silent).is_err());
        assert!(renewed.get());
    }

    #[test]
    fn a_renewal_that_was_killed_is_ended_and_one_that_is_too_late_waits_for_nobody() {
        let fresh = Renewal { left: Some(EARLY + 1), begun: false, is_my_turn: true };
        assert!(!fresh.is_due(|| true));
        let soon = Renewal { left: Some(EARLY - 1), ..fresh };
        assert!(soon.is_due(|| true) && !soon.is_due(|| false));
        assert!(!Renewal { is_my_turn: false, ..soon }.is_due(|| true));
        let killed = Renewal { begun: true, is_my_turn: false, ..fresh };
        assert!(killed.is_due(|| true) && !killed.is_due(|| false));
        assert!(Renewal { left: Some(-1), is_my_turn: false, ..fresh }.is_due(|| false));
    }

    #[test]
    fn control_planes_take_turns() {
        let mut journal = journal();
        for name in ["cp-1", "cp-2"] {
            let member = Member { role: Role::ControlPlane, ..journal.members["w-1"].clone() };
            journal.members.insert(name.into(), member);
        }
        let turns = |node: &str| {
            (0..24u64).filter(|hour| is_my_turn(&journal.on(node), hour * 3600)).collect::<Vec<_>>()
        };
        assert_eq!((turns("cp-1"), turns("cp-2"), turns("w-1")), (vec![0], vec![1], vec![]));
    }
}
