//! Steps in PAM's stacks.

use super::Hardening;
use super::group::lines;
use crate::edit::{Edit, EditedFile, WhenMissing};
use crate::hardening::control::PamStep;
use crate::pam::{Arguments, Profile};
use crate::{Fault, Item, Managed, Outcome, State};

const FAILLOCK: &str = "\
Name: Lock accounts after failed passwords
Default: yes
Priority: 0
Auth-Type: Primary
Auth:
\t[default=die] pam_faillock.so authfail
";
const FAILLOCK_NOTIFY: &str = "\
Name: Count failed passwords
Default: yes
Priority: 1024
Auth-Type: Primary
Auth:
\trequisite pam_faillock.so preauth
Account-Type: Primary
Account:
\trequired pam_faillock.so
";

const REMEMBER: &str = "pwhistory.remember";
const ENFORCE_FOR_ROOT: &str = "pwhistory.enforce-for-root";

impl Hardening<'_> {
    pub(super) fn pam(&mut self, step: PamStep) -> Outcome {
        match step {
            PamStep::Faillock => self.items("faillock", &faillock()),
            PamStep::Pwquality => Profile::of_package("pwquality", "common-password", "pam_pwquality.so")
                .bring(self.host, self.mode),
            PamStep::Pwhistory => self.history(),
            PamStep::Yescrypt => {
                let hashing = Arguments::new("common-password", "password", "pam_unix.so", &["yescrypt"]);
                hashing.bring(self.host, self.mode)
            }
            PamStep::NoEmptyPasswords => {
                let stacks = ["common-auth:auth", "common-password:password"];
                let without = |stack: &str| -> Box<dyn Managed> {
                    let (stack, kind) = stack.split_once(':').unwrap_or((stack, "auth"));
                    Box::new(
                        Arguments::new(stack, kind, "pam_unix.so", &[]).without(&["nullok", "nullok_secure"]),
                    )
                };
                self.items("nullok", &stacks.map(without))
            }
            PamStep::SuGroup(group) => {
                let line = format!("auth required pam_wheel.so use_uid group={group}");
                let outcome = EditedFile::new("/etc/pam.d/su", vec![Edit::Line(line.clone())])
                    .when_missing(WhenMissing::Unsupported)
                    .bring(self.host, self.mode);
                let is_of_it = |there: &str| there == line;
                let (before, after) = (lines(&outcome.before, is_of_it), lines(&outcome.after, is_of_it));
                Outcome { before, after, ..outcome }
            }
        }
    }

    /// What was told of it when the profile that it stands in was brought about.
    pub(super) fn history_setting(&mut self, id: &str) -> Outcome {
        let unread = Fault::unsupported("pam.pwhistory is left out, so nothing reads this");
        self.shared.remove(id).unwrap_or_else(|| Outcome::of_fault(id, &unread))
    }

    /// The arguments of `pam_pwhistory` are controls of their own and stand in its profile, because older PAMs read no file.
    fn history(&mut self) -> Outcome {
        let wanted: Vec<(&str, String)> = [REMEMBER, ENFORCE_FOR_ROOT]
            .into_iter()
            .filter_map(|id| {
                let value = self.value_of(id)?;
                Some((
                    id,
                    if id == REMEMBER { format!("remember={value}") } else { "enforce_for_root".to_owned() },
                ))
            })
            .collect();
        let arguments: String = wanted.iter().flat_map(|(_, argument)| [" ", argument]).collect();
        let profile = Profile::new(
            "socle-pwhistory",
            history_profile(&arguments),
            "common-password",
            "pam_pwhistory.so",
        );
        let before = self.host.read_text(&profile.path()).ok().flatten().unwrap_or_default();
        let outcome = profile.bring(self.host, self.mode);
        for (id, argument) in wanted {
            let is_there = before.split_whitespace().any(|word| word == argument);
            let own = !is_there && outcome.state != State::Ok;
            let part = Outcome {
                state: if own { outcome.state } else { State::Ok },
                changed: own && outcome.changed,
                before: if is_there { format!("{argument}\n") } else { String::new() },
                after: format!("{argument}\n"),
                message: if own { outcome.message.clone() } else { String::new() },
                ..Outcome::new(id)
            };
            self.shared.insert(id.to_owned(), part);
        }
        outcome
    }
}

fn faillock() -> Vec<Box<dyn Managed>> {
    vec![
        Box::new(Profile::new("socle-faillock", FAILLOCK.to_owned(), "common-auth", "pam_faillock.so")),
        Box::new(Profile::new(
            "socle-faillock-notify",
            FAILLOCK_NOTIFY.to_owned(),
            "common-account",
            "pam_faillock.so",
        )),
    ]
}

/// Below `pwquality`, which asks for the password first where it is installed.
fn history_profile(arguments: &str) -> String {
    format!(
        "Name: Refuse passwords that were used before\nDefault: yes\nPriority: 1023\nPassword-Type: Primary\nPassword:\n\
         \trequisite pam_pwhistory.so{arguments} try_first_pass use_authtok\nPassword-Initial:\n\
         \trequisite pam_pwhistory.so{arguments}\n"
    )
}
