//! What is known of kinds without asking a cluster: whether they live in a namespace, and when their turn is.

use super::identity::TypeName;

/// Where objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In the cluster as a whole.
    Cluster,
    /// In a namespace.
    Namespaced,
    /// Only the cluster knows.
    Unknown,
}

/// When the turn of a kind is: it may need what stands before it. Deletion goes the other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// Namespaces.
    Namespaces,
    /// Definitions of custom resources; the next rank waits until they are established.
    Definitions,
    /// Classes, quotas and policies.
    Rules,
    /// Service accounts.
    Accounts,
    /// Roles and their bindings.
    Roles,
    /// Configuration, secrets and storage.
    Configuration,
    /// Services.
    Services,
    /// What runs.
    Workloads,
    /// Everything else, custom resources too.
    Rest,
    /// What can refuse everything above while its own workload does not answer.
    Admission,
}

const CORE: &str = "";
const RBAC: &str = "rbac.authorization.k8s.io";
const STORAGE: &str = "storage.k8s.io";
const NETWORKING: &str = "networking.k8s.io";
const EXTENSIONS: &str = "apiextensions.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// The groups whose every kind is Kubernetes' own, as of 1.37.
const OWN_GROUPS: [&str; 20] = [
    CORE,
    "apps",
    "batch",
    "autoscaling",
    "policy",
    NETWORKING,
    RBAC,
    STORAGE,
    EXTENSIONS,
    ADMISSION,
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "node.k8s.io",
    "scheduling.k8s.io",
];

/// The kinds of those groups that live in the cluster as a whole. Source: the API reference of Kubernetes 1.37.
const CLUSTER_KINDS: [(&str, &str); 28] = [
    (CORE, "Namespace"),
    (CORE, "Node"),
    (CORE, "PersistentVolume"),
    (CORE, "ComponentStatus"),
    (RBAC, "ClusterRole"),
    (RBAC, "ClusterRoleBinding"),
    (STORAGE, "StorageClass"),
    (STORAGE, "CSIDriver"),
    (STORAGE, "CSINode"),
    (STORAGE, "VolumeAttachment"),
    (STORAGE, "VolumeAttributesClass"),
    (NETWORKING, "IngressClass"),
    (NETWORKING, "IPAddress"),
    (NETWORKING, "ServiceCIDR"),
    (EXTENSIONS, "CustomResourceDefinition"),
    (ADMISSION, "MutatingWebhookConfiguration"),
    (ADMISSION, "ValidatingWebhookConfiguration"),
    (ADMISSION, "ValidatingAdmissionPolicy"),
    (ADMISSION, "ValidatingAdmissionPolicyBinding"),
    (ADMISSION, "MutatingAdmissionPolicy"),
    (ADMISSION, "MutatingAdmissionPolicyBinding"),
    ("apiregistration.k8s.io", "APIService"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("certificates.k8s.io", "ClusterTrustBundle"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("node.k8s.io", "RuntimeClass"),
    ("scheduling.k8s.io", "PriorityClass"),
];

/// Kinds that do not come with the rest.
const RANKS: [(&str, &[&str], Rank); 14] = [
    (CORE, &["Namespace"], Rank::Namespaces),
    (EXTENSIONS, &["CustomResourceDefinition"], Rank::Definitions),
    ("scheduling.k8s.io", &["PriorityClass"], Rank::Rules),
    ("node.k8s.io", &["RuntimeClass"], Rank::Rules),
    (STORAGE, &["StorageClass", "CSIDriver", "VolumeAttributesClass"], Rank::Rules),
    (NETWORKING, &["IngressClass", "NetworkPolicy"], Rank::Rules),
    (CORE, &["ResourceQuota", "LimitRange"], Rank::Rules),
    (CORE, &["ServiceAccount"], Rank::Accounts),
    (RBAC, &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"], Rank::Roles),
    (CORE, &["ConfigMap", "Secret", "PersistentVolume", "PersistentVolumeClaim"], Rank::Configuration),
    (CORE, &["Service"], Rank::Services),
    (CORE, &["Pod", "ReplicationController"], Rank::Workloads),
    ("apps", &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"], Rank::Workloads),
    ("batch", &["Job", "CronJob"], Rank::Workloads),
];

/// Is it a kind of Kubernetes itself?
pub fn is_own(type_name: &TypeName) -> bool {
    OWN_GROUPS.contains(&type_name.group.as_str())
}

/// Where objects of the type live, as far as Kubernetes itself defines it.
pub fn scope(type_name: &TypeName) -> Scope {
    if CLUSTER_KINDS.contains(&(type_name.group.as_str(), type_name.kind.as_str())) {
        Scope::Cluster
    } else if is_own(type_name) {
        Scope::Namespaced
    } else {
        Scope::Unknown
    }
}

/// When the turn of the type is.
pub fn rank(type_name: &TypeName) -> Rank {
    let TypeName { group, kind, .. } = type_name;
    if group == ADMISSION {
        return Rank::Admission;
    }
    let listed = RANKS.iter().find(|(of, kinds, _)| of == group && kinds.contains(&kind.as_str()));
    listed.map_or(Rank::Rest, |(_, _, rank)| *rank)
}

/// Is it work that ends?
pub fn is_job(type_name: &TypeName) -> bool {
    type_name.group == "batch" && type_name.kind == "Job"
}

/// Does it hold what a person would miss? Such an object is kept unless an annotation gives it free.
pub fn is_precious(type_name: &TypeName) -> bool {
    type_name.group == CORE && matches!(type_name.kind.as_str(), "Namespace" | "PersistentVolumeClaim")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(api_version: &str, kind: &str) -> TypeName {
        TypeName::new(api_version, kind)
    }

    #[test]
    fn scopes_of_kubernetes_own_kinds_are_known_and_others_are_not() {
        assert_eq!(scope(&of("v1", "ConfigMap")), Scope::Namespaced);
        assert_eq!(scope(&of("v1", "Namespace")), Scope::Cluster);
        assert_eq!(scope(&of("rbac.authorization.k8s.io/v1", "ClusterRole")), Scope::Cluster);
        assert_eq!(scope(&of("rbac.authorization.k8s.io/v1", "Role")), Scope::Namespaced);
        assert_eq!(scope(&of("cert-manager.io/v1", "ClusterIssuer")), Scope::Unknown);
        assert_eq!(scope(&of("gateway.networking.k8s.io/v1", "GatewayClass")), Scope::Unknown);
    }

    #[test]
    fn an_object_comes_after_what_it_needs() {
        let order = [
            of("v1", "Namespace"),
            of("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            of("storage.k8s.io/v1", "StorageClass"),
            of("v1", "ServiceAccount"),
            of("rbac.authorization.k8s.io/v1", "RoleBinding"),
            of("v1", "Secret"),
            of("v1", "Service"),
            of("apps/v1", "Deployment"),
            of("cert-manager.io/v1", "Issuer"),
            of("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
        ];
        assert!(order.windows(2).all(|pair| rank(&pair[0]) < rank(&pair[1])));
    }

    #[test]
    fn every_kind_of_the_tables_is_kubernetes_own_and_stands_once() {
        let ranked = RANKS.iter().flat_map(|(group, kinds, _)| kinds.iter().map(move |kind| (*group, *kind)));
        for table in [CLUSTER_KINDS.to_vec(), ranked.collect()] {
            let mut once = table.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), table.len());
            assert!(table.iter().all(|(group, _)| OWN_GROUPS.contains(group)));
        }
    }
}
