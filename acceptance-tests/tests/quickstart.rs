//! `make quickstart`, as a reader of the README runs it, with each of the two programs: from nothing to a published
//! service, and back to nothing.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::error::Error;
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use acceptance::artifacts::Artifacts;
    use acceptance::host_programs::HostPrograms;
    use acceptance::terraform::Program;

    type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

    /// Waits until the test lets go of the pipe, which the kernel does for one that was killed.
    const UNDERTAKER: &str = "read -r _; exec \"$@\" >/dev/null";

    /// Each wants the memory of a cluster, a database and a Vault.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    /// A quickstart of a test's own, which is down when the test is over, however it ends.
    struct Quickstart {
        name: String,
        program: PathBuf,
        undertaker: Child,
        _turn: MutexGuard<'static, ()>,
    }

    impl Quickstart {
        fn by(program: &Program) -> Result<Self> {
            let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
            let program = program.path().to_owned();
            let kind = program.file_name().unwrap_or_default().to_string_lossy();
            let name = format!("{}-{}", kind.get(..2).unwrap_or("tf"), std::process::id());
            let down = make("quickstart-down", &name)?;
            let mut undertaker = Command::new("sh");
            undertaker.args(["-c", UNDERTAKER, "undertaker"]).arg(down.get_program()).args(down.get_args());
            undertaker.envs(down.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let undertaker = undertaker.stdin(Stdio::piped()).spawn()?;
            Ok(Self { name, program, undertaker, _turn: turn })
        }

        /// What the verb says.
        fn make(&self, verb: &str) -> Result<String> {
            let output = make(verb, &self.name)?.env("TERRAFORM", &self.program).output()?;
            let [said, complaints] =
                [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
            assert!(output.status.success(), "make {verb}: {}\n{said}{complaints}", output.status);
            Ok(said.into_owned())
        }

        fn is_up(&self) -> Result<bool> {
            let sandbox = Artifacts::built()?.program("sandbox")?;
            let output = Command::new(sandbox).args(["status", "--json", "--name", &self.name]).output()?;
            Ok(output.stdout != b"null\n")
        }
    }

    impl Drop for Quickstart {
        fn drop(&mut self) {
            drop(self.undertaker.stdin.take());
            let _ = self.undertaker.wait();
        }
    }

    /// The verb on what is built already, under a name of the test's own.
    fn make(verb: &str, name: &str) -> Result<Command> {
        let programs = Artifacts::built()?.program("sandbox")?;
        let mut make = Command::new("make");
        make.args(["--no-print-directory", "--directory", ROOT, verb]).stdin(Stdio::null());
        make.env("QUICKSTART", name).env("SOCLE_PROGRAMS", programs.parent().ok_or("no folder")?);
        make.env("SOCLE_HOST_PROGRAMS", HostPrograms::built()?.folder());
        Ok(make)
    }

    /// Every file of the example, whether git knows it or not.
    fn files() -> Result<String> {
        let output = Command::new("find").arg("examples/quickstart").current_dir(ROOT).output()?;
        Ok(String::from_utf8(output.stdout)?)
    }

    fn goes_up_says_that_nothing_changes_and_leaves_nothing(program: &Program) -> Result {
        let before = files()?;
        let quickstart = Quickstart::by(program)?;
        let first = quickstart.make("quickstart")?;
        assert!(first.contains("a second plan changes nothing"), "{first}");
        let second = quickstart.make("quickstart")?;
        assert!(second.contains("Resources: 0 added, 0 changed, 0 destroyed."), "{second}");
        assert!(quickstart.is_up()? && files()? != before, "nothing would be found anyway");
        quickstart.make("quickstart-down")?;
        assert!(!quickstart.is_up()?);
        assert_eq!(files()?, before);
        Ok(())
    }

    #[test]
    fn by_terraform() -> Result {
        goes_up_says_that_nothing_changes_and_leaves_nothing(&Program::terraform()?)
    }

    #[test]
    fn by_opentofu() -> Result {
        goes_up_says_that_nothing_changes_and_leaves_nothing(acceptance::opentofu::program()?)
    }
}
