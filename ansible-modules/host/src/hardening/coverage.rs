//! The page `docs/hardening.md`: each rule, and the controls that meet it.

use super::control::{Consent, Control, Effect, OnNode, Undo};
use super::devsec::ITEMS;
use super::profile::Profile;
use super::reference::{ANSSI, AnssiLevel, CIS, Gap, anssi_gap, cis_gap};
use super::table::controls;

const HEAD: &str = "\
# Hardening

This page is written from the table of controls; `UPDATE_DOCS=1 cargo test -p host hardening` writes it anew.

A **profile** is every control that meets a rule of it. A control marked *opt-in* can lock people out or stop the host:
a profile alone reports it as excepted, and only `enable` with its id applies it. `exceptions` leaves a control out, with
a reason. `overrides` gives a control another value. With `kubernetes_node` what would break a node is left out or has
another value, as the column says. What is wanted no more is taken back where it stood in a file of ours; a control marked
*not undone* changes what is others' too, and that stays as it is.

Rules are named by their numbers in ANSSI-BP-028 v2.0 and in the CIS Debian Linux 12 Benchmark v1.1.0, which are to be
read at their publishers.
";

/// The whole page.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str(&profiles());
    page.push_str(&anssi());
    page.push_str(&cis());
    page.push_str(&devsec());
    page.push_str(&all());
    page
}

fn profiles() -> String {
    let mut text = "\n## Profiles\n\n| profile | controls | of these opt-in |\n|---|---|---|\n".to_owned();
    for profile in Profile::ALL {
        let own: Vec<_> = controls().iter().filter(|control| profile.has(control)).collect();
        let named = own.iter().filter(|control| matches!(control.consent, Consent::ByName(_))).count();
        line(&mut text, &[&format!("`{}`", profile.name()), &own.len().to_string(), &named.to_string()]);
    }
    text
}

fn anssi() -> String {
    let mut text =
        "\n## ANSSI-BP-028\n\n| rule | level | controls | without a control |\n|---|---|---|---|\n"
            .to_owned();
    for (rule, level) in (1..).zip(ANSSI) {
        let met = ids(|control| control.anssi.contains(&rule));
        line(&mut text, &[&format!("R{rule}"), level_name(level), &met, &gap(anssi_gap(rule))]);
    }
    text
}

fn cis() -> String {
    let mut text =
        "\n## CIS Debian 12\n\n| item | level | controls | without a control |\n|---|---|---|---|\n"
            .to_owned();
    for (item, level) in CIS {
        let met = ids(|control| control.cis.contains(item));
        let open = if met.is_empty() { gap(cis_gap(item)) } else { String::new() };
        line(&mut text, &[item, &level.to_string(), &met, &open]);
    }
    text
}

fn devsec() -> String {
    let mut text = "\n## dev-sec\n\nWhat the roles of the collection `devsec.hardening` do, for those who come from there. `sysctl.*` is every \
                    control whose id begins so.\n\n| role | what it does | controls | without a control |\n|---|---|---|---|\n"
        .to_owned();
    for item in ITEMS {
        let met: Vec<_> = item.controls.iter().map(|id| format!("`{id}`")).collect();
        line(&mut text, &[&format!("`{}`", item.role), item.what, &met.join(", "), &gap(item.gap)]);
    }
    text
}

fn all() -> String {
    let mut text =
        "\n## Controls\n\n| id | what | why | kind | remarks |\n|---|---|---|---|---|\n".to_owned();
    for control in controls() {
        let id = format!("`{}`", control.id);
        line(&mut text, &[&id, &control.title, control.why, control.wanted.kind(), &remarks(control)]);
    }
    text
}

fn remarks(control: &Control) -> String {
    let mut remarks = Vec::new();
    if let Consent::ByName(risk) = control.consent {
        remarks.push(format!("**opt-in**: {risk}"));
    }
    if control.effect == Effect::Reboot {
        remarks.push("needs a reboot".to_owned());
    }
    if control.undo() == Undo::OneWay && !control.is_finding() {
        remarks.push("not undone".to_owned());
    }
    match control.on_node {
        OnNode::Same => {}
        OnNode::Needed(value, reason) => {
            remarks.push(format!("on a Kubernetes node `{value}`, in every profile: {reason}"));
        }
        OnNode::Only => remarks.push("only on a Kubernetes node".to_owned()),
        OnNode::LeftOut(reason) => remarks.push(format!("left out on a Kubernetes node: {reason}")),
        OnNode::Value(value, reason) => remarks.push(format!("on a Kubernetes node `{value}`: {reason}")),
    }
    remarks.join("; ")
}

fn ids(meets: impl Fn(&Control) -> bool) -> String {
    let met: Vec<_> = controls().iter().filter(|c| meets(c)).map(|c| format!("`{}`", c.id)).collect();
    met.join(", ")
}

fn gap(gap: Option<Gap>) -> String {
    match gap {
        None => String::new(),
        Some(Gap::Unsupported(why)) => format!("unsupported: {why}"),
        Some(Gap::OutOfScope(why)) => format!("out of scope: {why}"),
    }
}

fn level_name(level: AnssiLevel) -> &'static str {
    match level {
        AnssiLevel::Minimal => "minimal",
        AnssiLevel::Intermediary => "intermediary",
        AnssiLevel::Enhanced => "enhanced",
        AnssiLevel::High => "high",
    }
}

fn line(text: &mut String, cells: &[&str]) {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    text.push_str("| ");
    text.push_str(&cells.join(" | "));
    text.push_str(" |\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/hardening.md");

    #[test]
    fn the_page_is_the_table() {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(PAGE, page()).unwrap();
        }
        let written = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(written == page(), "docs/hardening.md is stale: UPDATE_DOCS=1 cargo test -p host hardening");
    }
}
