//! What a refused apply means: fields of other managers, and fields that cannot change.

use crate::clients::kubernetes::Status;

/// A field that another manager holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The other manager, as the server describes it: `"kubectl" using apps/v1`.
    pub manager: String,
    /// The field: `spec.replicas`.
    pub field: String,
}

/// The conflicts that a refusal names; none when it is about something else.
pub fn conflicts(status: &Status) -> Vec<Conflict> {
    let causes = status.causes.iter().filter(|cause| cause.reason == "FieldManagerConflict");
    let conflict = |cause: &crate::clients::kubernetes::Cause| Conflict {
        manager: cause.message.trim_start_matches("conflict with ").to_owned(),
        field: cause.field.trim_start_matches('.').to_owned(),
    };
    causes.map(conflict).collect()
}

/// The conflicts as one text, a manager at a time: `"kubectl" using v1 has data.a, data.b`.
pub fn told(conflicts: &[Conflict]) -> String {
    let mut managers: Vec<(&str, Vec<&str>)> = Vec::new();
    for Conflict { manager, field } in conflicts {
        match managers.iter_mut().find(|(known, _)| known == manager) {
            Some((_, fields)) => fields.push(field),
            None => managers.push((manager, vec![field])),
        }
    }
    let told = managers.into_iter().map(|(manager, fields)| format!("{manager} has {}", fields.join(", ")));
    told.collect::<Vec<_>>().join("; ")
}

/// What a refused apply says of fields that cannot change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Immutability {
    /// A field of the object that exists cannot change.
    Told,
    /// The object is refused as invalid; whether a new one would be, the server knows.
    Possible,
    /// It is about something else.
    No,
}

/// Does the server refuse because a field of an existing object cannot change?
///
/// There is no code for it: these are the words of Kubernetes' own validation, of 1.27 to 1.37 (`pkg/apis/*/validation`).
/// Rules of a definition (`self == oldSelf`) have words of their own.
pub fn immutability(status: &Status) -> Immutability {
    const WORDS: [&str; 9] = [
        "is immutable",
        "updates to statefulset spec for fields other than",
        "updates to parameters are forbidden",
        "updates to provisioner are forbidden",
        "updates to reclaimPolicy are forbidden",
        "pod updates may not change fields other than",
        "cannot change roleRef",
        "may not change once set",
        "may not be changed in an update",
    ];
    match status.code {
        422 if WORDS.iter().any(|words| status.message.contains(words)) => Immutability::Told,
        422 => Immutability::Possible,
        _ => Immutability::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::kubernetes::Cause;

    fn cause(manager: &str, field: &str) -> Cause {
        Cause {
            reason: "FieldManagerConflict".to_owned(),
            message: format!("conflict with {manager}"),
            field: field.to_owned(),
        }
    }

    #[test]
    fn managers_are_told_with_their_fields() {
        let causes = vec![
            cause("\"kubectl\" using v1", ".data.a"),
            cause("\"helm\"", ".data.c"),
            cause("\"kubectl\" using v1", ".data.b"),
            Cause::default(),
        ];
        let found = conflicts(&Status { code: 409, causes, ..Status::default() });
        assert_eq!(told(&found), "\"kubectl\" using v1 has data.a, data.b; \"helm\" has data.c");
    }

    #[test]
    fn immutable_fields_are_recognised_by_the_servers_words() {
        let status = |code, message: &str| Status { code, message: message.to_owned(), ..Status::default() };
        for message in [
            "Job.batch \"a\" is invalid: spec.template: Invalid value: {}: field is immutable",
            "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals' are forbidden",
            "StorageClass.storage.k8s.io \"a\" is invalid: parameters: Forbidden: updates to parameters are forbidden.",
            "spec.clusterIPs[0]: Invalid value: [\"10.96.0.9\"]: may not change once set",
            "value: Forbidden: may not be changed in an update.",
            "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation",
        ] {
            assert_eq!(immutability(&status(422, message)), Immutability::Told, "{message}");
        }
        let invalid = "spec.replicas: Invalid value: -1: must be greater than or equal to 0";
        assert_eq!(immutability(&status(422, invalid)), Immutability::Possible);
        assert_eq!(immutability(&status(409, "field is immutable")), Immutability::No);
    }
}
