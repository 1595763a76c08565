//! What takes effect with the next boot, and whether it already has.

use crate::hardening::control::Wanted;
use crate::{Fault, Host, Program};

/// Whether what is written holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InEffect {
    /// It does.
    Yes,
    /// From the next boot on.
    No,
}

/// Whether what the control wrote holds now.
pub(super) fn in_effect(host: &Host, wanted: &Wanted, value: Option<&str>) -> Result<InEffect, Fault> {
    let holds = match wanted {
        Wanted::KernelArguments { words } => {
            let line = host.read_text("/proc/cmdline")?.unwrap_or_default();
            words.iter().all(|word| line.split_whitespace().any(|there| there == *word))
        }
        Wanted::Sysctl { key, .. } => {
            let live = host.read_text(&format!("/proc/sys/{}", key.replace('.', "/")))?.unwrap_or_default();
            live.split_whitespace().eq(value.unwrap_or_default().split_whitespace())
        }
        Wanted::AuditRules { rules: ["-e 2"], .. } => {
            let output = host.ask(&Program::new("auditctl").args(["-s"]))?;
            output.stdout.lines().any(|line| line == "enabled 2")
        }
        _ => true,
    };
    Ok(if holds { InEffect::Yes } else { InEffect::No })
}
