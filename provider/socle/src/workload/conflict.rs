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

/// Does the server refuse because a field of an existing object cannot change?
///
/// There is no code for it: these are the words of Kubernetes' own validation (`apimachinery`, `apps`, `batch`, `core`,
/// `rbac`, `storage`, as of 1.37).
pub fn is_immutable(status: &Status) -> bool {
    const WORDS: [&str; 6] = [
        "field is immutable",
        "is immutable",
        "updates to statefulset spec for fields other than",
        "pod updates may not change fields other than",
        "cannot change roleRef",
        "spec is immutable after creation",
    ];
    status.code == 422 && WORDS.iter().any(|words| status.message.contains(words))
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
        assert!(is_immutable(&status(
            422,
            "Job.batch \"a\" is invalid: spec.template: Invalid value: {}: field is immutable"
        )));
        assert!(is_immutable(&status(
            422,
            "spec: Forbidden: updates to statefulset spec for fields other than 'replicas'"
        )));
        assert!(!is_immutable(&status(
            422,
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0"
        )));
        assert!(!is_immutable(&status(409, "field is immutable")));
    }
}
