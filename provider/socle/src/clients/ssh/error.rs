//! How work on a host fails.

use tfplugin::Diagnostic;

use super::keys::KeyError;
use super::trust::Distrust;
use crate::clients::retry::Stop;

/// How work on a host failed. Each text names the host and what to do next; none holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshError {
    /// No connection came about, or it broke before anything was asked of the host.
    #[error(
        "{host} cannot be reached: {cause}. Check that it runs, its address and port, and the firewalls between."
    )]
    Unreachable {
        /// The host.
        host: String,
        /// What the network said.
        cause: String,
    },
    /// The host showed another key than the one that is known.
    #[error(
        "{host} shows the host key {offered}, but {} is known. Either the server was made anew, or somebody sits \
         between. Compare with the key on the server's console (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`); \
         when the new one is right, change `host_key` or `known_hosts`.", expected.join(" or ")
    )]
    KeyDiffers {
        /// The host.
        host: String,
        /// The fingerprints of the keys that it may show.
        expected: Vec<String>,
        /// The fingerprint of the key that it showed.
        offered: String,
    },
    /// Neither `host_key` nor `known_hosts` knows the host.
    #[error(
        "the key of {host} is not known. It shows {offered}: compare it with the server's console \
         (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`), then set `host_key = \"{key}\"`, or add it to \
         `known_hosts` of the provider's `ssh` block.{unreadable}"
    )]
    UnknownHost {
        /// The host.
        host: String,
        /// The fingerprint of the key that it showed.
        offered: String,
        /// The key itself.
        key: String,
        /// Which lines of `known_hosts` could not be read; empty for none.
        unreadable: String,
    },
    /// `known_hosts` says never to trust this key.
    #[error(
        "{host} shows the host key {offered}, which `known_hosts` marks as revoked. Do not use this server."
    )]
    KeyRevoked {
        /// The host.
        host: String,
        /// The fingerprint of the key that it showed.
        offered: String,
    },
    /// The host does not let the user in.
    #[error(
        "{host} refuses to let {user} in; tried: {tried}. Check the user's name and its `authorized_keys`, and whether \
         sshd allows it (`AllowUsers`, `PermitRootLogin`)."
    )]
    AuthenticationRefused {
        /// The host.
        host: String,
        /// The user.
        user: String,
        /// The keys that were shown.
        tried: String,
    },
    /// There is no key to log in with.
    #[error("{host} was not contacted: {cause}.")]
    NoKey {
        /// The host.
        host: String,
        /// What is missing or wrong.
        cause: String,
    },
    /// The user may not become root without a password.
    #[error(
        "{user} may not become root on {host}: {answer}. Give it `sudo` without a password, for instance by \
         `{user} ALL=(ALL:ALL) NOPASSWD: ALL` in /etc/sudoers.d/socle (mode 0440), or log in as root."
    )]
    NoSudo {
        /// The host.
        host: String,
        /// The user.
        user: String,
        /// What sudo said.
        answer: String,
    },
    /// The connection, or the time for it, ended while a command ran.
    #[error(
        "on {host}, the step {step:?} was begun and its end was not seen: {cause}. It may have taken effect; applying \
         again looks first, and goes on from what it finds."
    )]
    OutcomeUnknown {
        /// The host.
        host: String,
        /// The step.
        step: String,
        /// What ended it.
        cause: String,
    },
    /// The run ended before the step was begun.
    #[error("on {host}, the step {step:?} was not begun: {why}.")]
    Stopped {
        /// The host.
        host: String,
        /// The step.
        step: String,
        /// What ended the run.
        why: Stop,
    },
    /// A command ended with an error.
    #[error("on {host}, the step {step:?} failed with exit status {status}: {stderr}")]
    Failed {
        /// The host.
        host: String,
        /// The step.
        step: String,
        /// Its exit status.
        status: u32,
        /// The end of what it said.
        stderr: String,
    },
    /// A file of this machine, meant for a host, cannot be read.
    #[error("cannot read {file}: {cause}")]
    LocalFile {
        /// The file.
        file: String,
        /// The system's answer.
        cause: String,
    },
    /// A command said more than is read.
    #[error(
        "on {host}, the step {step:?} printed more than {limit} bytes. Something is not what it seems there."
    )]
    TooMuchOutput {
        /// The host.
        host: String,
        /// The step.
        step: String,
        /// How much is read.
        limit: usize,
    },
    /// A program of ours is not on the host, and this operation may not bring it.
    #[error(
        "{host} is not prepared yet: {name} of this version is not installed there. The next apply installs it."
    )]
    NotPrepared {
        /// The host.
        host: String,
        /// The program.
        name: String,
    },
    /// There is no build of a program for the host.
    #[error(
        "{host} has the architecture {architecture}, and there is no `{name}` for it. Looked for: {tried}. Set \
         SOCLE_HOST_PROGRAMS to the folder of the host programs that belong to this version of the provider."
    )]
    NoProgram {
        /// The host.
        host: String,
        /// The program.
        name: String,
        /// The architecture, as `uname -m` says it.
        architecture: String,
        /// The files that were looked for.
        tried: String,
    },
    /// A program of ours said that it failed.
    #[error("on {host}, {name} failed: {message}")]
    Module {
        /// The host.
        host: String,
        /// The program.
        name: String,
        /// Its own words.
        message: String,
        /// All that it answered: what it did before it failed.
        answer: Box<super::ModuleResult>,
    },
    /// A program of ours answered with something that is no result.
    #[error("on {host}, {name} gave no result (exit status {status}): {cause}")]
    NoResult {
        /// The host.
        host: String,
        /// The program.
        name: String,
        /// Its exit status.
        status: u32,
        /// What is wrong with the answer.
        cause: String,
    },
}

impl SshError {
    /// One line, without the host.
    pub const fn summary(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "Host cannot be reached",
            Self::KeyDiffers { .. } => "Host key differs",
            Self::UnknownHost { .. } => "Host key is not known",
            Self::KeyRevoked { .. } => "Host key is revoked",
            Self::AuthenticationRefused { .. } => "Login refused",
            Self::NoKey { .. } => "No key to log in with",
            Self::NoSudo { .. } => "No sudo",
            Self::OutcomeUnknown { .. } => "Outcome unknown",
            Self::Stopped { .. } => "Stopped",
            Self::Failed { .. } => "Command on the host failed",
            Self::LocalFile { .. } => "File cannot be read",
            Self::TooMuchOutput { .. } => "Too much output",
            Self::NotPrepared { .. } => "Host is not prepared yet",
            Self::NoProgram { .. } => "No program for this host",
            Self::Module { .. } => "Work on the host failed",
            Self::NoResult { .. } => "No result from the host",
        }
    }

    /// As an error for the user.
    pub fn error(&self) -> Diagnostic {
        Diagnostic::error(self.summary(), capitalised(&self.to_string()))
    }

    /// As a warning: what a refresh makes of it, since an error there would block the plan that mends it.
    pub fn warning(&self) -> Diagnostic {
        Diagnostic::warning(self.summary(), capitalised(&self.to_string()))
    }

    /// Whether the host could not be spoken to at all, for whatever reason; nothing was done there.
    pub const fn is_out_of_reach(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::KeyDiffers { .. }
                | Self::UnknownHost { .. }
                | Self::KeyRevoked { .. }
                | Self::AuthenticationRefused { .. }
                | Self::NoKey { .. }
        )
    }

    pub(super) fn distrust(host: String, distrust: Distrust, unreadable: &[usize]) -> Self {
        match distrust {
            Distrust::Differs { expected, offered } => Self::KeyDiffers { host, expected, offered },
            Distrust::Revoked { offered } => Self::KeyRevoked { host, offered },
            Distrust::Unknown { offered, key } => {
                let unreadable = match unreadable {
                    [] => String::new(),
                    lines => {
                        let lines: Vec<_> = lines.iter().take(5).map(ToString::to_string).collect();
                        format!(" (These lines of `known_hosts` cannot be read: {}.)", lines.join(", "))
                    }
                };
                Self::UnknownHost { host, offered, key, unreadable }
            }
        }
    }

    pub(super) fn no_key(host: String, error: &KeyError) -> Self {
        Self::NoKey { host, cause: format!("`private_key` of the provider's `ssh` block: {error}") }
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_differs_shows_both_fingerprints() {
        let distrust =
            Distrust::Differs { expected: vec!["SHA256:old".into()], offered: "SHA256:new".into() };
        let text = SshError::distrust("203.0.113.1".into(), distrust, &[]).to_string();
        assert!(text.contains("SHA256:old") && text.contains("SHA256:new"), "{text}");
    }

    #[test]
    fn an_unknown_host_shows_what_to_write_and_which_lines_do_not_count() {
        let distrust = Distrust::Unknown { offered: "SHA256:new".into(), key: "ssh-ed25519 AAAA".into() };
        let text = SshError::distrust("203.0.113.1".into(), distrust, &[3]).to_string();
        assert!(
            text.contains("host_key = \"ssh-ed25519 AAAA\"") && text.contains("cannot be read: 3"),
            "{text}"
        );
    }
}
