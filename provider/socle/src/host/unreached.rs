//! A host that a destroy does not reach.

use tfplugin::{Call, Diagnostic, Value};

use crate::clients::Clients;
use crate::clients::ssh::SshError;

/// Lets a resource go without its host, with a warning, where the user says that the host is gone for good
/// (`on_unreachable = "forget"`).
///
/// # Errors
/// Where the user does not say so, with that cure; and whatever went wrong on a host that was reached.
pub(crate) fn forget(
    call: &Call<Clients>,
    on_unreachable: &Value<String>,
    error: &SshError,
) -> Result<(), Diagnostic> {
    let mut message = error.error();
    if !error.is_out_of_reach() {
        return Err(message);
    }
    if *on_unreachable == Value::from("forget") {
        call.warn(error.warning());
        return Ok(());
    }
    message.detail += " To forget a host that is gone for good, apply `on_unreachable = \"forget\"` first.";
    Err(message)
}
