//! `docs/guides/ansible.md`, word for word: every file that it shows is written, every command that it shows is run.

use std::fs;

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/ansible.md");

/// What the guide has its reader do, in order.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A file to write.
    File { name: String, text: String },
    /// A command to run.
    Command(String),
}

/// The steps in a page: a block of YAML begins with the name of its file, a block of `sh` is a command a line.
fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```").filter(|kind| !kind.is_empty()) else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        match (kind, block.first().and_then(|first| first.strip_prefix("# "))) {
            ("yaml", Some(name)) => {
                steps.push(Step::File { name: name.to_owned(), text: block.join("\n") + "\n" });
            }
            ("sh", _) => steps.extend(block.iter().map(|line| Step::Command((*line).to_owned()))),
            _ => {}
        }
    }
    steps
}

#[test]
fn files_and_commands_are_read_in_order() {
    let page = "```yaml\n# a.yml\nb: 1\n```\ntext\n```hcl\nx\n```\n```sh\none\ntwo\n```\n";
    let file = Step::File { name: "a.yml".to_owned(), text: "# a.yml\nb: 1\n".to_owned() };
    let [one, two] = ["one", "two"].map(|line| Step::Command(line.to_owned()));
    assert_eq!(steps(page), [file, one, two]);
}

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use acceptance::ansible::{Ansible, Run};
    use acceptance::host_programs::HostPrograms;
    use acceptance::servers::Servers;

    use super::{GUIDE, Step, fs, steps};

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    /// Where an installed collection has its programs.
    const PROGRAMS: &str = "~/.ansible/collections/ansible_collections/socle/platform/plugins/programs";

    /// The guide with the sandbox's addresses in the place of those for documentation, and this checkout's programs.
    fn page(site: &Servers) -> Result<String> {
        let (web, database) = (site.server(1)?.address, site.server(2)?.address);
        let network = database.rsplit_once('.').ok_or("no network")?.0;
        let programs = HostPrograms::built()?.folder().display().to_string();
        Ok(fs::read_to_string(GUIDE)?
            .replace(PROGRAMS, &programs)
            .replace("203.0.113.11", &web)
            .replace("203.0.113.12", &database)
            .replace("198.51.100.0/24", &format!("{network}.0/24")))
    }

    /// As the guide calls them.
    const HOSTS: [&str; 2] = ["web-1", "db-1"];
    const HARDEN: &str = "ansible-playbook --inventory inventory harden.yml";

    /// How many tasks changed something on each of the two hosts.
    fn changed(said: &str) -> Vec<usize> {
        let run = Run { succeeded: true, said: said.to_owned() };
        HOSTS.iter().filter_map(|host| run.recap(host)).map(|recap| recap.changed).collect()
    }

    #[test]
    fn the_guide_can_be_followed_to_its_end() -> Result {
        let site = Servers::up("guide", &["--servers", "2"])?;
        let config = site.variable("SOCLE_SANDBOX_SSH_CONFIG")?;
        let ansible = Ansible::on(&site)?
            .with("ANSIBLE_SSH_ARGS", &format!("-C -o ControlMaster=auto -o ControlPersist=60s -F {config}"));
        let mut told = Vec::new();
        let run = |line: &str| -> Result<String> {
            let output = ansible.command("sh").args(["-c", line]).output()?;
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{line}\n{said}");
            Ok(said.into_owned())
        };
        for step in steps(&page(&site)?) {
            match step {
                // Its project is on the reader's machine; the plugin has a test of its own.
                Step::File { name, .. } if name == "inventory/terraform.yml" => {}
                Step::File { name, text } => drop(ansible.write(&name, &text)?),
                // The tarball has a test of its own.
                Step::Command(line) if line.starts_with("make ") || line.starts_with("ansible-galaxy ") => {}
                Step::Command(line) if line == HARDEN => {
                    let foreseen = changed(&run(&format!("{line} --check --diff"))?);
                    assert_eq!(foreseen, [1, 1], "a check tells of the change");
                    assert_eq!(changed(&run(&line)?), foreseen);
                    assert_eq!(changed(&run(&line)?), [0, 0], "a second run changes nothing");
                }
                Step::Command(line) => told.push((line.clone(), run(&line)?)),
            }
        }
        let said = |line: &str| {
            let found = told.iter().rfind(|(command, _)| command.contains(line));
            found.map(|(_, said)| said.as_str()).unwrap_or_default()
        };
        for repeated in ["harden.yml --check", "database.yml --check"] {
            assert!(
                !said(repeated).contains("changed=1") && said(repeated).contains("changed=0"),
                "{}",
                said(repeated)
            );
        }
        let page = fs::read_to_string(ansible.folder().join("fleet.html"))?;
        assert!(["server-1", "server-2"].iter().all(|host| page.contains(host)), "{page}");
        assert!(said("ask.yml").contains("logged in as social"), "{}", said("ask.yml"));
        Ok(())
    }
}
