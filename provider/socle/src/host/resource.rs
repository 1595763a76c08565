//! `socle_host`.

use tfplugin::{
    Call, Computed, CreateError, Diagnostic, Diagnostics, ImportId, List, Map, Model, Plan, Reached,
    Resource, Set, Timeouts, Value, Wanted,
};

use super::facts::Facts;
use super::{apply, observed, plan};
use crate::clients::Clients;
use crate::clients::ssh::{Host, is_host_key};

/// A server that is hardened, and kept so.
///
/// Apply brings our host programs to the server, once a version and checked by their hash, and runs them as root. Every
/// refresh runs what is installed in check mode: a setting that somebody changed by hand shows in `controls` as
/// `drifted -> applied`, and the next apply puts it right. A server that cannot be reached keeps its state, with a
/// warning. Destroy means forget: our traces go, the hardening stays.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct ManagedHost {
    /// Its address: an IP address or a name. Another address is another host.
    #[tf(required, requires_replace, validate(length(1..)))]
    pub(super) address: Value<String>,
    /// Its SSH port. Default: `22`.
    #[tf(optional, default = 22, validate(range(1..)))]
    pub(super) port: Value<u16>,
    /// The user to log in as; where it is not `root`, it needs `sudo` without a password. Default: that of the
    /// provider's `ssh` block.
    #[tf(optional, validate(pattern("^[a-z_][a-z0-9_-]{0,31}$", "the name of a user, such as `admin`")))]
    pub(super) user: Value<String>,
    /// Its host key, such as `ssh-ed25519 AAAA…`. It must be written; null means that `known_hosts` of the provider's
    /// `ssh` block knows it, or that `bootstrap` accepts it at the first contact.
    #[tf(required, nullable, validate(describe("an SSH public key, such as `ssh-ed25519 AAAA…`", |key: &String| is_host_key(key))))]
    pub(super) host_key: Value<String>,
    /// Its address on the provider's private network. Default: none.
    #[tf(optional, validate(ip_address()))]
    pub(super) private_address: Value<String>,
    /// The first contact with a freshly rented server: makes the user, lets in the key by which we came, and gives the
    /// user `sudo` without a password. Used only while the user itself cannot log in.
    #[tf(block)]
    pub(super) bootstrap: Value<Bootstrap>,
    /// What the host's settings should be. Default: they are left alone.
    #[tf(block)]
    pub(super) hardening: Value<Hardening>,
    /// Who may reach what on the host, in one nftables table of ours. Default: it is left alone.
    #[tf(block)]
    pub(super) firewall: Value<Firewall>,
    /// What a destroy does when the host cannot be reached: `fail`, or `forget` it. Must be applied before the destroy.
    /// Default: `fail`.
    #[tf(optional, default = "fail", validate(one_of(["fail", "forget"])))]
    pub(super) on_unreachable: Value<String>,
    /// How long each operation may take.
    #[tf(timeouts(create = "15m", read = "1m", update = "15m", delete = "5m"))]
    pub(super) timeouts: Value<Timeouts>,
    /// By what the host knows this resource as the owner of its hardening and its firewall; made by chance.
    #[tf(computed, use_state_for_unknown)]
    pub(super) id: Value<String>,
    /// Whether the last refresh or apply reached the host.
    #[tf(computed)]
    pub(super) reachable: Value<bool>,
    /// The one key that the host may show: `host_key`, else the one of the first contact.
    #[tf(computed, use_state_for_unknown)]
    pub(super) accepted_host_key: Value<String>,
    /// What the host is, as of the last refresh.
    #[tf(computed, use_state_for_unknown)]
    pub(super) facts: Value<Computed<Facts>>,
    /// How each control of the hardening stands, by its id, and the firewall under `firewall`: `applied`, `drifted`,
    /// `excepted`, `unsupported` or `pending-reboot`.
    #[tf(computed)]
    pub(super) controls: Value<Map<String>>,
}

/// The first contact with a host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct Bootstrap {
    /// The user that the server was rented with. Default: `root`.
    #[tf(optional, validate(length(1..)))]
    pub(super) user: Value<String>,
    /// Whether a host key that nobody knows is taken on trust, this once. From then on `accepted_host_key` is the only
    /// one. Default: `false`.
    #[tf(optional)]
    pub(super) accept_new_host_key: Value<bool>,
}

/// What a host's settings should be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct Hardening {
    /// The set of controls: of ANSSI-BP-028, of the CIS benchmark, or our own `baseline`.
    #[tf(required, validate(one_of(["baseline", "anssi-minimal", "anssi-intermediary", "anssi-enhanced", "anssi-high", "cis-1", "cis-2"])))]
    pub(super) profile: Value<String>,
    /// Whether what a Kubernetes node needs is kept: forwarding, bridge filtering, the kubelet's ports and mounts.
    /// Default: `false`.
    #[tf(optional)]
    pub(super) kubernetes_node: Value<bool>,
    /// The controls that are left alone, by id, each with its reason. Default: none.
    #[tf(optional)]
    pub(super) exceptions: Value<Map<String>>,
    /// The controls of the profile that can lock people out or stop the host, by id: each is applied only when it is
    /// named here. Default: none.
    #[tf(optional)]
    pub(super) enable: Value<Set<String>>,
    /// Other values, by control id, for controls that have one value. Default: none.
    #[tf(optional)]
    pub(super) overrides: Value<Map<String>>,
}

/// Who may reach what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct Firewall {
    /// The ranges that may reach the SSH port, such as `198.51.100.0/24`. The address that we come from must be in one
    /// of them: rules that shut us out are taken back by the host after a minute.
    #[tf(required, validate(length(1..)))]
    pub(super) ssh_from: Value<List<String>>,
    /// What else may be reached, by a name of your own. Default: nothing.
    #[tf(optional)]
    pub(super) open: Value<Map<Opening>>,
}

/// A port that may be reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct Opening {
    /// The port.
    #[tf(required, validate(range(1..)))]
    pub(super) port: Value<u16>,
    /// `tcp` or `udp`. Default: `tcp`.
    #[tf(optional, validate(one_of(["tcp", "udp"])))]
    pub(super) protocol: Value<String>,
    /// The ranges that may reach it, such as `0.0.0.0/0`.
    #[tf(required, validate(length(1..)))]
    pub(super) from: Value<List<String>>,
}

impl Resource for ManagedHost {
    type Clients = Clients;
    type Model = Self;
    type Identity = tfplugin::Nothing;

    const NAME: &'static str = "host";
    const SUBCATEGORY: &'static str = "Hosts";

    fn validate(config: &Self, found: &mut Diagnostics) {
        plan::validate(config, found);
    }

    fn plan(plan: &mut Plan<Self>) -> Result<(), Diagnostics> {
        plan::plan(plan);
        Ok(())
    }

    async fn read(call: &Call<Clients>, state: Self) -> Result<Option<Self>, Diagnostics> {
        Ok(Some(Box::pin(observed::read(call, state)).await))
    }

    async fn create(call: &Call<Clients>, wanted: Wanted<Self>) -> Result<Self, CreateError<Self>> {
        Box::pin(apply::create(call, wanted.planned)).await
    }

    async fn update(call: &Call<Clients>, prior: Self, wanted: Wanted<Self>) -> Result<Self, Reached<Self>> {
        Box::pin(apply::update(call, prior, wanted.planned)).await
    }

    async fn delete(call: &Call<Clients>, state: Self) -> Result<(), Reached<Self>> {
        Box::pin(apply::delete(call, state)).await
    }

    async fn import(_: &Call<Clients>, id: ImportId<tfplugin::Nothing>) -> Result<Self, Diagnostics> {
        let ImportId::Id(id) = id else {
            return Err(Diagnostic::error(
                "Cannot be imported",
                "A host is imported by `[USER@]ADDRESS[:PORT]`.",
            )
            .into());
        };
        imported(&id).ok_or_else(|| {
            let detail = format!(
                "Found {id:?}; a host is imported by `[USER@]ADDRESS[:PORT]`, such as `admin@203.0.113.11`."
            );
            Diagnostic::error("Not a host", detail).into()
        })
    }
}

/// A host by `[USER@]ADDRESS[:PORT]`.
fn imported(id: &str) -> Option<ManagedHost> {
    let host = Host::parse(id)?;
    Some(ManagedHost {
        address: host.address.into(),
        port: host.port.into(),
        user: host.user.into(),
        on_unreachable: "fail".into(),
        ..ManagedHost::default()
    })
}

impl ManagedHost {
    /// Where it is, and the key that it must show: `host_key`, else the one accepted before.
    pub(super) fn host(&self) -> Option<Host> {
        let key = if self.host_key.is_null() { &self.accepted_host_key } else { &self.host_key };
        let key = key.known().cloned().into();
        Host::of(&self.address, &self.port, &self.user, &key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coordinates(id: &str) -> Option<(String, u16, Option<String>)> {
        let host = imported(id)?;
        Some((host.address.into_known()?, host.port.into_known()?, host.user.into_known()))
    }

    #[test]
    fn a_host_is_imported_by_user_address_and_port() {
        assert_eq!(coordinates("203.0.113.1"), Some(("203.0.113.1".into(), 22, None)));
        assert_eq!(
            coordinates("admin@a.example:2222"),
            Some(("a.example".into(), 2222, Some("admin".into())))
        );
        assert_eq!(coordinates("2001:db8::1"), Some(("2001:db8::1".into(), 22, None)));
        assert_eq!(
            coordinates("root@[2001:db8::1]:2222"),
            Some(("2001:db8::1".into(), 2222, Some("root".into())))
        );
        for bad in ["", "@a", "a:port", "[2001:db8::1"] {
            assert_eq!(coordinates(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_key_of_the_first_contact_is_the_only_one_from_then_on() {
        let host = ManagedHost {
            address: "a".into(),
            port: 22.into(),
            accepted_host_key: "ssh-ed25519 AAAA".into(),
            ..ManagedHost::default()
        };
        assert_eq!(host.host().and_then(|host| host.host_key).as_deref(), Some("ssh-ed25519 AAAA"));
        let changed = ManagedHost { host_key: "ssh-ed25519 BBBB".into(), ..host };
        assert_eq!(changed.host().and_then(|host| host.host_key).as_deref(), Some("ssh-ed25519 BBBB"));
    }
}
