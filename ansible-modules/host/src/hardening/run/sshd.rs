//! sshd's keywords: one drop-in, tried before it is activated, and looked at through sshd's own eyes afterwards.

use super::Hardening;
use super::group::{Group, Part, lines};
use super::login::{Way, way_without_password};
use crate::file::File;
use crate::hardening::control::Wanted;
use crate::pending::Triggering;
use crate::sshd::{DropIn, effective};
use crate::{Fault, Host, Managed, Mode, Outcome, Program, State, unit};

const NAME: &str = "00-socle";
/// Where our keywords stand.
pub(super) const PATH: &str = "/etc/ssh/sshd_config.d/00-socle.conf";

/// A keyword that a control wants.
struct Keyword {
    part: Part,
    value: String,
}

/// Brings the drop-in about; one outcome a control.
pub(super) fn bring(hardening: &mut Hardening) -> Vec<Outcome> {
    let host = hardening.host;
    let text = host.read_text(PATH).ok().flatten().unwrap_or_default();
    let before = effective(host).unwrap_or_default();
    let mut outcomes = Vec::new();
    let mut accepted = Vec::new();
    let wanted = wanted(hardening);
    let broken = untried(host, &text, &wanted);
    for keyword in wanted {
        match refusal(hardening, &keyword, &before)
            .or_else(|| broken.as_ref().and_then(|_| tried(host, &text, &keyword)))
        {
            Some(fault) => {
                let found = found(&text, &keyword.part);
                let after = keyword.part.wanted.clone();
                let outcome = Outcome::of_fault(&keyword.part.id, &fault);
                outcomes.push(Outcome { before: found, after, ..outcome });
            }
            None => accepted.push(keyword),
        }
    }
    let (own, extra) = group(&accepted).bring(host, hardening.mode);
    hardening.extra.extend(extra);
    let after = if own.iter().any(|outcome| outcome.changed) {
        effective(host).unwrap_or_default()
    } else {
        before.clone()
    };
    outcomes.extend(own.into_iter().zip(&accepted).map(|(outcome, keyword)| {
        let outcome = with_own_value(outcome, keyword, &before);
        overruled(outcome, keyword, &after, hardening.mode)
    }));
    outcomes
}

fn wanted(hardening: &Hardening) -> Vec<Keyword> {
    let wanted = hardening.selected.iter().filter_map(|one| {
        let Wanted::Sshd { keyword, .. } = one.control.wanted else { return None };
        let value = hardening.value_of(&one.control.id)?.to_owned();
        let wanted = format!("{keyword} {value}\n");
        Some(Keyword { part: Part { id: one.control.id.clone(), key: keyword.to_owned(), wanted }, value })
    });
    wanted.collect()
}

fn group(keywords: &[Keyword]) -> Group {
    let settings: Vec<_> =
        keywords.iter().map(|keyword| (keyword.part.key.clone(), keyword.value.clone())).collect();
    let item: Box<dyn Managed> = if settings.is_empty() {
        Box::new(Triggering::new(File::absent(PATH), vec![unit::reload("ssh.service")]))
    } else {
        Box::new(DropIn::new(NAME, &settings))
    };
    let parts = keywords.iter().map(|keyword| keyword.part.clone()).collect();
    Group { path: PATH.to_owned(), item, parts, found: Box::new(found) }
}

fn found(text: &str, part: &Part) -> String {
    lines(text, |line| line.split(' ').next() == Some(part.key.as_str()))
}

/// What would lock this session, or everybody, out.
fn refusal(hardening: &Hardening, keyword: &Keyword, effective: &[(String, String)]) -> Option<Fault> {
    match (keyword.part.key.as_str(), keyword.value.as_str()) {
        ("PermitRootLogin", "no") if hardening.login.is_root() => Some(Fault::refused(
            "this session is root's own and could not come back: log in as another user with sudo, and run again",
        )),
        ("PasswordAuthentication", "no") if !has_keys_elsewhere(effective) => passwords_are_needed(hardening),
        _ => None,
    }
}

/// Whether sshd lets people in by what stands in no file of theirs: by certificates, or by keys that a command finds.
fn has_keys_elsewhere(effective: &[(String, String)]) -> bool {
    let is_set = |keyword| value_in(effective, keyword).is_some_and(|value| value != "none");
    is_set("TrustedUserCAKeys") || is_set("AuthorizedKeysCommand")
}

fn passwords_are_needed(hardening: &Hardening) -> Option<Fault> {
    match way_without_password(hardening.host, &hardening.login) {
        Way::Open => None,
        Way::ClosedTo(user) => Some(Fault::refused(format!(
            "{user}, to whom this session belongs, has no authorised key and could not log in any more: give it one, and \
             run again"
        ))),
        Way::ClosedToAll => Some(Fault::refused(
            "no account with sudo has an authorised key, so nobody could log in any more: give one a key, and run again",
        )),
    }
}

/// Why sshd does not take all that is new together; none when it does, or when nothing is new.
fn untried(host: &Host, text: &str, wanted: &[Keyword]) -> Option<String> {
    let new: Vec<_> =
        wanted.iter().filter(|keyword| found(text, &keyword.part) != keyword.part.wanted).collect();
    if new.is_empty() { None } else { complaint(host, &new) }
}

/// Why sshd does not take this one.
fn tried(host: &Host, text: &str, keyword: &Keyword) -> Option<Fault> {
    if found(text, &keyword.part) == keyword.part.wanted {
        return None;
    }
    let said = complaint(host, &[keyword])?;
    let told = format!("sshd does not accept `{}`: {said}", keyword.part.wanted.trim_end());
    // An sshd that never heard of a keyword is older, or built without it; nobody wrote anything wrong.
    Some(if said.contains("Bad configuration option") {
        Fault::unsupported(told)
    } else {
        Fault::refused(told)
    })
}

/// What sshd says to its configuration with these keywords in front; this writes nothing.
fn complaint(host: &Host, keywords: &[&Keyword]) -> Option<String> {
    let options = keywords
        .iter()
        .flat_map(|keyword| ["-o".to_owned(), format!("{}={}", keyword.part.key, keyword.value)]);
    let output = host.ask(&Program::new("sshd").args(["-t".to_owned()].into_iter().chain(options))).ok()?;
    // A host whose sshd never ran has no such folder yet; the trial before activation makes it.
    let is_complaint = !output.success() && !output.stderr.contains("privilege separation directory");
    is_complaint.then(|| output.stderr.trim().replace('\n', "; "))
}

/// A keyword that stands nowhere in our file has a value all the same.
fn with_own_value(outcome: Outcome, keyword: &Keyword, effective: &[(String, String)]) -> Outcome {
    match value_in(effective, &keyword.part.key) {
        Some(value) if outcome.before.is_empty() => {
            Outcome { before: format!("{} {value}\n", keyword.part.key), ..outcome }
        }
        _ => outcome,
    }
}

/// A file that is read before ours has the last word; saying "applied" would be a lie.
fn overruled(outcome: Outcome, keyword: &Keyword, effective: &[(String, String)], mode: Mode) -> Outcome {
    let is_settled = outcome.state == State::Ok || (outcome.state == State::Changed && mode == Mode::Apply);
    match value_in(effective, &keyword.part.key) {
        Some(value) if is_settled && !means_the_same(value, &keyword.value) => Outcome {
            state: State::Refused,
            before: format!("{} {value}\n", keyword.part.key),
            message: format!(
                "sshd uses `{} {value}` all the same: take the line out of /etc/ssh/sshd_config, or out of a file in \
                 /etc/ssh/sshd_config.d that is read before {NAME}.conf",
                keyword.part.key
            ),
            ..outcome
        },
        _ => outcome,
    }
}

fn value_in<'a>(effective: &'a [(String, String)], keyword: &str) -> Option<&'a str> {
    let keyword = keyword.to_ascii_lowercase();
    effective.iter().find(|(key, _)| *key == keyword).map(|(_, value)| value.as_str())
}

/// sshd prints some values in other words than it takes them.
fn means_the_same(there: &str, wanted: &str) -> bool {
    let plain = |value: &str| value.to_ascii_lowercase().replace("without-password", "prohibit-password");
    plain(there) == plain(wanted)
}
