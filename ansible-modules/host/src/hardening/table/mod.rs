//! The table of controls, one file a subject.

mod access;
mod audit;
mod boot;
mod files;
mod kernel;
mod network;
mod services;
mod ssh;

use std::sync::LazyLock;

use super::control::Control;

static CONTROLS: LazyLock<Vec<Control>> = LazyLock::new(|| {
    let rooms = [
        kernel::controls(),
        network::controls(),
        boot::controls(),
        files::controls(),
        services::controls(),
        access::controls(),
        ssh::controls(),
        audit::controls(),
    ];
    rooms.into_iter().flatten().collect()
});

/// All controls, in the order in which they are applied: audit rules last, since they may be made immutable.
pub fn controls() -> &'static [Control] {
    &CONTROLS
}

/// The control of this id.
pub fn control(id: &str) -> Option<&'static Control> {
    controls().iter().find(|control| control.id == id)
}

/// `net.ipv4.ip_forward` → `net-ipv4-ip-forward`: what follows the dot of an id.
fn slug(name: &str) -> String {
    let dashed: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    dashed.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests;
