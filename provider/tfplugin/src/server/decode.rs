//! From the protocol's messages.

use crate::call::Private;
use crate::cty::{self, Raw, Type};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::proto::tfplugin6 as pb;
use crate::schema::Object;

/// A value of a resource, data source or ephemeral resource.
pub(super) fn object(value: Option<&pb::DynamicValue>, object: &Object) -> Result<Raw, Diagnostics> {
    typed(value, &object.ty())
}

/// A value of a type; an absent one is null.
pub(super) fn typed(value: Option<&pb::DynamicValue>, ty: &Type) -> Result<Raw, Diagnostics> {
    let Some(value) = value else { return Ok(Raw::Null) };
    let decoded = if !value.msgpack.is_empty() {
        cty::decode(&value.msgpack, ty)
    } else if value.json.is_empty() {
        Ok(Raw::Null)
    } else {
        return cty::from_json(&json(&value.json)?, ty).map_err(|error| unreadable(&error));
    };
    decoded.map_err(|error| unreadable(&error))
}

/// A stored state.
pub(super) fn state(state: Option<&pb::RawState>) -> Result<serde_json::Value, Diagnostics> {
    let state = state.map_or(&[][..], |state| &state.json);
    if state.is_empty() {
        let detail = "Only states that Terraform 0.12 or later wrote can be read.";
        return Err(Diagnostic::error("State has no JSON", detail).into());
    }
    json(state)
}

/// The identity that comes with a moved state, if any.
pub(super) fn source_identity(
    identity: Option<&pb::RawState>,
) -> Result<Option<serde_json::Value>, Diagnostics> {
    identity.filter(|identity| !identity.json.is_empty()).map(|identity| json(&identity.json)).transpose()
}

/// What a resource noted for itself; unreadable notes are no notes.
pub(super) fn private(bytes: &[u8]) -> Private {
    serde_json::from_slice(bytes).unwrap_or_default()
}

fn json(bytes: &[u8]) -> Result<serde_json::Value, Diagnostics> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::fmt::Display) -> Diagnostics {
    let detail = format!("{error}. The state may come from another version of the provider.");
    Diagnostic::error("Value cannot be read", detail).into()
}
