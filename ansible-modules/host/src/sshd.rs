//! sshd's configuration: a drop-in of ours, tested whole before any of it is activated.

use std::fs;

use crate::file::{self, File, FolderChange};
use crate::pending::Triggering;
use crate::{Fault, Host, Item, Program, unit};

const MAIN: &str = "/etc/ssh/sshd_config";
const DROP_INS: &str = "/etc/ssh/sshd_config.d";

/// Settings of sshd in `/etc/ssh/sshd_config.d/NAME.conf`. The first file that names a setting wins, so names start low.
#[derive(Debug, Clone)]
pub struct DropIn {
    name: String,
    file: Triggering<File>,
    text: String,
}

impl DropIn {
    /// The drop-in with these settings, in order; a change reloads sshd.
    pub fn new(name: &str, settings: &[(String, String)]) -> DropIn {
        let text = render(settings);
        let file = File::new(format!("{DROP_INS}/{name}.conf"), text.clone()).mode(0o600);
        DropIn { name: name.to_owned(), file: Triggering::new(file, vec![unit::reload("ssh.service")]), text }
    }

    /// Whether sshd accepts its whole configuration with this drop-in, before anything is activated.
    fn accepted(&self, host: &Host) -> Result<(), Fault> {
        let trial = "/run/socle-sshd-trial";
        let place = host.path(trial);
        drop(fs::remove_dir_all(&place));
        let result = self.try_in(host, trial);
        drop(fs::remove_dir_all(&place));
        result
    }

    fn try_in(&self, host: &Host, trial: &str) -> Result<(), Fault> {
        let place = host.path(trial);
        file::Folder::new(trial, 0o700).apply(host, &FolderChange::Make)?;
        for name in host.names(DROP_INS)?.iter().filter(|name| name.strip_suffix(".conf").is_some()) {
            let text = host.read(&format!("{DROP_INS}/{name}"))?.unwrap_or_default();
            fs::write(place.join(name), text).map_err(Fault::file("write", &place))?;
        }
        let own = place.join(format!("{}.conf", self.name));
        fs::write(&own, &self.text).map_err(Fault::file("write", &own))?;
        let main = host.read_text(MAIN)?.unwrap_or_default().replace(DROP_INS, &place.to_string_lossy());
        let config = place.join("sshd_config");
        fs::write(&config, main).map_err(Fault::file("write", &config))?;
        // sshd insists on it, and a host whose sshd was never started lacks it.
        file::make_folders(&host.path("/run/sshd"))?;
        let program = Program::new("sshd").args(["-t", "-f", &config.to_string_lossy()]);
        host.run(&program).map(drop).map_err(|fault| match fault {
            Fault::Program { stderr, .. } => {
                Fault::refused(format!("sshd is left as it was: it does not accept these settings: {stderr}"))
            }
            other => other,
        })
    }
}

fn render(settings: &[(String, String)]) -> String {
    let head = "# Written by socle; changes here are overwritten.\n".to_owned();
    settings.iter().fold(head, |text, (key, value)| text + key + " " + value + "\n")
}

/// Whether the main configuration reads the drop-ins, and before it says anything itself.
fn reads_drop_ins(main: &str) -> bool {
    let mut lines = main.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().is_some_and(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("include ") && line.contains(DROP_INS)
    })
}

type TriggeredFile = Triggering<File>;

impl Item for DropIn {
    type Observed = (Option<String>, <TriggeredFile as Item>::Observed);
    type Change = <TriggeredFile as Item>::Change;

    fn id(&self) -> String {
        format!("sshd {}", self.name)
    }

    fn observe(&self, host: &Host) -> Result<Self::Observed, Fault> {
        Ok((host.read_text(MAIN)?, self.file.observe(host)?))
    }

    fn compare(&self, (main, file): &Self::Observed) -> Result<Vec<Self::Change>, Fault> {
        let Some(main) = main else { return Err(Fault::unsupported(format!("this host has no {MAIN}"))) };
        if !reads_drop_ins(main) {
            return Err(Fault::refused(format!(
                "{MAIN} does not begin with `Include {DROP_INS}/*.conf`, so a drop-in would have no say: add that line"
            )));
        }
        self.file.compare(file)
    }

    fn apply(&self, host: &Host, change: &Self::Change) -> Result<(), Fault> {
        if matches!(change, crate::pending::Change::Owe) {
            self.accepted(host)?;
        }
        self.file.apply(host, change)
    }

    fn before(&self, (_, file): &Self::Observed) -> String {
        self.file.before(file)
    }

    fn after(&self, (_, file): &Self::Observed) -> String {
        self.file.after(file)
    }
}

/// What sshd would do now: the settings that `sshd -T` prints, keys in lower case.
pub fn effective(host: &Host) -> Result<Vec<(String, String)>, Fault> {
    let output = host.run(&Program::new("sshd").args(["-T"]))?;
    let lines = output.stdout.lines().filter_map(|line| line.split_once(' '));
    Ok(lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;
    use crate::{Mode, Output, State};

    const MAIN_TEXT: &str = "# Debian's\nInclude /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n";

    fn drop_in() -> DropIn {
        DropIn::new("00-socle", &[("PermitRootLogin".to_owned(), "no".to_owned())])
    }

    #[test]
    fn settings_that_sshd_refuses_are_never_activated() {
        let root = Root::with(&[("/etc/ssh/sshd_config", MAIN_TEXT)]);
        let refusing = root.answering(|program| Output {
            code: Some(i32::from(program.name() == "sshd")),
            stderr: "bad configuration option".to_owned(),
            ..Output::default()
        });
        let outcome = drop_in().bring(&refusing, Mode::Apply);
        assert_eq!((outcome.state, outcome.changed), (State::Refused, false));
        assert!(!root.host().exists("/etc/ssh/sshd_config.d/00-socle.conf"));
        assert!(!root.asked().iter().any(|asked| asked.starts_with("systemctl")), "{:?}", root.asked());
    }

    #[test]
    fn the_trial_has_the_drop_ins_of_others_and_leaves_nothing_behind() {
        let root = Root::with(&[
            ("/etc/ssh/sshd_config", MAIN_TEXT),
            ("/etc/ssh/sshd_config.d/50-cloud.conf", "X y\n"),
        ]);
        let host = root.answering(|program| {
            if program.name() == "sshd" {
                let config = &program.arguments()[2];
                let folder = std::path::Path::new(config).parent().unwrap();
                assert!(folder.join("50-cloud.conf").exists() && folder.join("00-socle.conf").exists());
                assert!(fs::read_to_string(config).unwrap().contains(folder.to_str().unwrap()));
            }
            Output { code: Some(0), ..Output::default() }
        });
        assert_eq!(drop_in().bring(&host, Mode::Apply).state, State::Changed);
        assert_eq!(drop_in().bring(&host, Mode::Apply).state, State::Ok);
        assert!(!root.host().exists("/run/socle-sshd-trial"));
        assert_eq!(root.asked().iter().filter(|asked| asked.contains("reload")).count(), 1);
    }

    #[test]
    fn a_configuration_that_reads_no_drop_ins_is_refused() {
        let root = Root::with(&[("/etc/ssh/sshd_config", "PermitRootLogin yes\n")]);
        assert_eq!(drop_in().bring(&root.obeying(), Mode::Check).state, State::Refused);
    }
}
