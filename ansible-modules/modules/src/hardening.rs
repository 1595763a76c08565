//! `hardening`: what is selected from the table of controls, brought about.

use std::collections::BTreeMap;
use std::error::Error;

use host::hardening::outcome::{HostReport, Standing};
use host::hardening::{self, Run};
use host::{Host, Mode, owner};
use module::{About, Answer, Context, Module, arguments, choices};
use serde_json::json;

/// What an owner owns by this module.
pub const SUBJECT: &str = "hardening";

choices! {
    /// A named choice of controls.
    pub enum Profile {
        /// What is right for nearly every server.
        Baseline = "baseline",
        /// ANSSI-BP-028, minimal.
        AnssiMinimal = "anssi-minimal",
        /// ANSSI-BP-028, up to intermediary.
        AnssiIntermediary = "anssi-intermediary",
        /// ANSSI-BP-028, up to enhanced.
        AnssiEnhanced = "anssi-enhanced",
        /// ANSSI-BP-028, all of it.
        AnssiHigh = "anssi-high",
        /// CIS Debian 12 for servers, level 1.
        Cis1 = "cis-1",
        /// CIS Debian 12 for servers, levels 1 and 2.
        Cis2 = "cis-2",
    }
}

arguments! {
    /// The arguments of `hardening`.
    pub struct Arguments {
        /// Which controls are wanted: those that meet a rule of ANSSI-BP-028 up to a level, of the CIS benchmark for Debian 12
        /// up to a level, or C(baseline), which is right for nearly every server.
        required profile: Profile,
        /// Whether the host is, or will be, a Kubernetes node: what a node needs is kept (forwarding, bridge filtering, the
        /// kubelet's ports and mounts), and what would break one is left out.
        optional kubernetes_node: bool = false,
        /// Controls that are left out: id to reason. The reason stands in the report.
        optional exceptions: BTreeMap<String, String>,
        /// Ids of controls that can lock people out or stop the host. A profile that has such a control leaves it out unless
        /// it is named here.
        optional enable: Vec<String>,
        /// Other values for controls that have one value: id to value.
        optional overrides: BTreeMap<String, String>,
        /// Also search the whole file system and the accounts for what only a person can decide. Storage of containers is
        /// left out. What is found is told in the report and never changed.
        optional audit: bool = false,
        /// Who owns the hardening of this host. A second owner is refused with the first one's name.
        optional owner: String = "ansible".to_owned(),
    }
}

/// What the module tells beside its items.
pub const REPORT: &str = "report";

/// The report in an answer of this module; none in one that says nothing of controls.
///
/// # Errors
/// It is there, and in another form.
pub fn report(answer: &Answer) -> Result<Option<HostReport>, serde_json::Error> {
    answer.more.get(REPORT).cloned().map(serde_json::from_value).transpose()
}

/// The module.
#[derive(Debug)]
pub struct Hardening;

impl Module for Hardening {
    type Arguments = Arguments;

    fn about() -> About {
        About {
            name: "hardening",
            short: "Harden a host by a profile, and say how each control stands",
            description: &[
                "Brings a host to a profile of ANSSI-BP-028 or of the CIS benchmark, control by control. A second run changes nothing.",
                "What can lock people out, stop the host or break automation is left out unless it is named in O(enable).",
                "The configuration of sshd is tried before it is activated, and what would shut the present session out is refused.",
                "What the kernel, a container or a missing program makes impossible is told as unsupported and fails nothing.",
                "All controls are listed in docs/hardening.md.",
            ],
            examples: EXAMPLES,
            returns: json!({ REPORT: {
                "description": ["How each control stands; what C(compliance-report) makes its page of."],
                "returned": "success, and when controls failed",
                "type": "dict",
                "contains": {
                    "host": { "description": ["The host's name."], "type": "str", "returned": "always" },
                    "profile": { "description": ["The profile that was asked for."], "type": "str", "returned": "always" },
                    "controls": {
                        "description": ["One a control: C(id), C(standing) (C(applied), C(drifted), C(pending-reboot), C(excepted) or C(unsupported)), C(observed), C(wanted), C(reason)."],
                        "type": "list",
                        "elements": "dict",
                        "returned": "always",
                    },
                },
            } }),
            diff: true,
        }
    }

    fn run(host: &Host, arguments: &Arguments, context: Context) -> Result<Answer, Box<dyn Error>> {
        let asked = asked(arguments);
        hardening::select(&asked)?;
        match context.mode {
            Mode::Check => owner::may_claim(host, SUBJECT, &arguments.owner)?,
            Mode::Apply => owner::claim(host, SUBJECT, &arguments.owner)?,
        }
        let done = hardening::run(host, &asked, context.mode)?;
        answer(done, HostReport { host: name_of(host)?, profile: asked.profile, controls: Vec::new() })
    }
}

const EXAMPLES: &str = r"
- name: Harden a Kubernetes node, which is also a bastion
  socle.platform.hardening:
    profile: anssi-intermediary
    kubernetes_node: true
    exceptions:
      ssh.tcp-forwarding: bastion host
  register: hardened

- name: Keep the report
  ansible.builtin.copy:
    content: '{{ hardened.report | to_json }}'
    dest: 'reports/{{ inventory_hostname }}.json'
    mode: '0644'
  delegate_to: localhost
";

/// The arguments in the words of the engine.
fn asked(arguments: &Arguments) -> hardening::Arguments {
    hardening::Arguments {
        profile: arguments.profile.word().to_owned(),
        kubernetes_node: arguments.kubernetes_node,
        exceptions: arguments.exceptions.clone(),
        enable: arguments.enable.iter().cloned().collect(),
        overrides: arguments.overrides.clone(),
        audit: arguments.audit,
    }
}

fn name_of(host: &Host) -> Result<String, Box<dyn Error>> {
    let name = host.read_text("/proc/sys/kernel/hostname")?.or(host.read_text("/etc/hostname")?);
    Ok(name.unwrap_or_default().trim().to_owned())
}

/// Dozens of controls that a host cannot have are no dozens of warnings: the report has the reasons.
fn answer(done: Run, report: HostReport) -> Result<Answer, Box<dyn Error>> {
    let report = HostReport { controls: done.controls, ..report };
    let mut answer = Answer::of(done.outcomes);
    answer.warnings.clear();
    let mut left: Vec<String> = Vec::new();
    for standing in [Standing::PendingReboot, Standing::Excepted, Standing::Unsupported] {
        let count = report.count(standing);
        if count > 0 {
            left.push(format!("{count} {}", standing.word()));
        }
    }
    if !left.is_empty() && !answer.failed {
        answer.msg = format!("{} ({})", answer.msg, left.join(", "));
    }
    Ok(answer.with(REPORT, serde_json::to_value(report)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_of_the_arguments_is_one_of_the_table() {
        let words: Vec<_> = Profile::ALL.iter().map(|profile| profile.word()).collect();
        assert_eq!(words, hardening::Profile::ALL.map(hardening::Profile::name));
    }
}
