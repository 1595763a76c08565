//! The sandbox's AWS alone, which needs no rights on the machine.

#[path = "servers/site.rs"]
mod site;

use std::fs;
use std::process::Command;

use sandbox::cache::Cache;
use sandbox::state::Sandbox;

use site::{Result, Site, printed};

/// Ends moto as a power failure would.
fn kill_aws(site: &Site) -> Result {
    let sandbox = Sandbox::named(&Cache::of_this_user()?, site.name().parse()?);
    let written = fs::read_to_string(sandbox.folder().join("aws/process"))?;
    let (id, _) = written.split_once(' ').ok_or("no process")?;
    // A process that is killed is there until its parent has taken notice.
    let gone = "kill -KILL $0 && timeout 20 tail --pid=$0 --sleep-interval=0.1 --follow /dev/null";
    printed(Command::new("sh").args(["-c", gone, id]))?;
    Ok(())
}

#[test]
fn that_died_is_shown_and_nobody_is_led_to_the_real_one_meanwhile() -> Result {
    let site = Site::up("--aws")?;
    assert!(site.variable("AWS_ENDPOINT_URL")?.starts_with("http://127.0.0.1:"));
    kill_aws(&site)?;
    let refused = site.run("env").unwrap_err().to_string();
    let advice = format!("the AWS of the sandbox {0} does not run; run: sandbox --name {0} up", site.name());
    assert!(refused.contains(&advice), "{refused}");
    assert_eq!(site.status()?["stopped"], serde_json::json!(["aws"]));
    site.run("up --quiet")?;
    assert_eq!(site.status()?["stopped"], serde_json::json!([]));
    assert!(site.variable("AWS_ENDPOINT_URL")?.starts_with("http://127.0.0.1:"));
    Ok(())
}
