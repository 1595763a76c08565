//! What `ansible-test sanity` says of the modules' documentation. It makes an environment of its own, which is kept.

use std::fs;

use acceptance::ansible::Ansible;
use acceptance::cache::Cache;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// It would download a program that installs pip. Python has one.
const PIP: &str = "import ensurepip\nensurepip.bootstrap()\n";

#[test]
fn ansible_test_finds_nothing_in_the_documentation_of_modules() -> Result {
    let ansible = Ansible::alone()?;
    let copy = ansible.copy_of_collection()?;
    let home = Cache::of_this_user()?.root().join("ansible-test");
    let downloads = home.join(".ansible/test/cache");
    fs::create_dir_all(&downloads)?;
    fs::write(downloads.join("get_pip_24_2.py"), PIP)?;
    let mut sanity = ansible.command("ansible-test");
    sanity.args(["sanity", "--requirements", "--color", "no", "--test", "validate-modules"]);
    let output = sanity.env("HOME", &home).current_dir(&copy).output()?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("validate-modules") && !said.contains("ERROR"),
        "{said}"
    );
    Ok(())
}
