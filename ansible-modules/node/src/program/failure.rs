//! What can go wrong on a node, and what to do next.

use node::lease::Lease;
use node::step::Answer;

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Whoever called did not say what is wanted.
    #[error("the request is not one of this program's ({detail})")]
    Input {
        /// Where it stopped to make sense.
        detail: String,
    },
    /// The request names a node that it does not describe.
    #[error("the request does not say what {node} is")]
    NoPlace {
        /// The node.
        node: String,
    },
    /// Another cluster was meant.
    #[error("this host is of the cluster {found:?}, and not of {asked:?}")]
    OtherCluster {
        /// Whose it is.
        found: String,
        /// Which was meant.
        asked: String,
    },
    /// A read-only identity asked for more.
    #[error("only looking, and certificates of socle:readers, are allowed here")]
    NotAllowed,
    /// Another holds the lease.
    #[error("{} is changing this cluster", .lease.description)]
    Leased {
        /// The lease.
        lease: Lease,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// What this host remembers of its cluster makes no sense.
    #[error("{path} is damaged ({detail})")]
    Damaged {
        /// The file.
        path: &'static str,
        /// Where it stopped to make sense.
        detail: String,
    },
    /// A program failed.
    #[error("`{command}` failed: {said}")]
    Command {
        /// The command.
        command: String,
        /// Its last words.
        said: String,
    },
    /// A service could not be asked, or refused.
    #[error("{url}: {detail}")]
    Https {
        /// What was asked.
        url: String,
        /// What was answered.
        detail: String,
    },
    /// Something did not come about in time.
    #[error("after {seconds} s still waiting for {what}: {last}")]
    Waited {
        /// For what.
        what: String,
        /// How long.
        seconds: u64,
        /// What was seen last.
        last: String,
    },
    /// A component does not run by what it was given.
    #[error("{what} does not run by its new settings: {last}. Its log ends: {log}")]
    Unwell {
        /// Which.
        what: &'static str,
        /// What was seen last.
        last: String,
        /// Its last words.
        log: String,
    },
    /// A certificate or key is not what it should be.
    #[error("{what}: {detail}")]
    Certificate {
        /// Which.
        what: String,
        /// How so.
        detail: String,
    },
    /// A volume is still in use.
    #[error("still mounted: {}", .mounts.join(", "))]
    Mounted {
        /// Where.
        mounts: Vec<String>,
    },
    /// Somebody else prepares this host.
    #[error(transparent)]
    Owned(#[from] host::owner::OwnerFault),
    /// The host could not be prepared.
    #[error(transparent)]
    Host(#[from] host::Fault),
    /// A phase of a step failed.
    #[error("{source}")]
    Phase {
        /// Its name.
        phase: &'static str,
        /// Why.
        source: Box<Failure>,
    },
}

impl Failure {
    /// The same, with the phase in which it happened.
    pub(crate) fn during(phase: &'static str) -> impl FnOnce(Self) -> Self {
        move |source| match source {
            Self::Phase { .. } => source,
            source => Self::Phase { phase, source: Box::new(source) },
        }
    }

    /// As the program answers it.
    pub(crate) fn answer(&self) -> Answer {
        let phase = if let Self::Phase { phase, .. } = self { phase } else { "start" };
        Answer::Failed { phase: phase.to_owned(), message: self.to_string(), cure: self.cure().to_owned() }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Input { .. } | Self::NoPlace { .. } => "Use the program and the provider of one release.",
            Self::OtherCluster { .. } => "Nothing was changed. Name the cluster that is to be reset.",
            Self::NotAllowed => "Use an identity that may apply.",
            Self::Leased { .. } => {
                "Wait until it has ended. A run that was killed holds the cluster for a minute at most."
            }
            Self::File { .. } => "Make room, or mend the file system, and apply again.",
            Self::Damaged { .. } => {
                "Copy it from another host of the cluster, with this host's name as its `node`, or restore it from a \
                 backup; then apply again."
            }
            Self::Command { .. } | Self::Host(_) | Self::Owned(_) => "Mend what it names, and apply again.",
            Self::Https { .. } | Self::Waited { .. } => {
                "Look at `journalctl -u kubelet` and in /var/log/pods on the host, mend the cause, and apply again."
            }
            Self::Unwell { .. } => {
                "Take back or mend the setting that it names, and apply again: no node after this one has it."
            }
            Self::Certificate { .. } => "Restore it from a backup.",
            Self::Mounted { .. } => {
                "End what uses these volumes, unmount them, and apply again. Nothing below them was deleted."
            }
            Self::Phase { source, .. } => source.cure(),
        }
    }
}
