//! Many servers at once.

use acceptance::benchmark::{Cost, Result, cost, host_programs, server_names};
use acceptance::host_stage::{HostStage, hardening, host_named};

use crate::{PROFILE, ansible, our_play, played, prepared};

/// How many.
pub(crate) const SERVERS: usize = 20;

/// What was measured of one server, and of all others at once: with all to do, and with nothing.
pub(crate) struct Fleet {
    pub(crate) one: [Cost; 2],
    pub(crate) all: [Cost; 2],
}

/// The role, with as many forks as there are servers.
pub(crate) fn by_ansible() -> Result<Fleet> {
    let servers = prepared("bench-forks", &server_names(1, 1 + SERVERS))?;
    let ansible = ansible(&servers)?.with("ANSIBLE_FORKS", &SERVERS.to_string());
    let twice = |names: &[String]| -> Result<[Cost; 2]> {
        let play = our_play(&names.join(","));
        let once = || Ok::<_, Box<dyn std::error::Error>>(played(&servers, names, &ansible, &play)?.0);
        eprintln!("ansible: {} at once", names.len());
        Ok([once()?, once()?])
    };
    Ok(Fleet { one: twice(&server_names(1, 1))?, all: twice(&server_names(2, SERVERS))? })
}

/// `socle_host`, with as many at once as there are servers.
pub(crate) fn by_terraform() -> Result<Fleet> {
    let servers = prepared("bench-parallel", &server_names(1, 1 + SERVERS))?;
    let parallelism = format!("-parallelism={SERVERS}");
    let twice = |first: usize, count: usize| -> Result<[Cost; 2]> {
        let mut stage = HostStage::new(&servers)?;
        stage.terraform = stage
            .terraform
            .with_variable("TF_LOG", "")
            .with_variable("SOCLE_HOST_PROGRAMS", &host_programs()?);
        let mut hosts = String::new();
        for number in first..first + count {
            let name = format!("server-{number}");
            hosts += &host_named(&name, &servers.server(number)?, &hardening(PROFILE, ""));
        }
        stage.write(&hosts)?;
        eprintln!("terraform: {count} at once");
        let names = server_names(first, count);
        let run = |words: &[&str]| {
            cost(&servers, &names, || {
                stage.terraform.run(&[words, &["-input=false", &parallelism]].concat()).map(drop)
            })
        };
        // By its exit status a plan tells whether it is empty.
        Ok([run(&["apply", "-auto-approve"])?, run(&["plan", "-detailed-exitcode"])?])
    };
    Ok(Fleet { one: twice(1, 1)?, all: twice(2, SERVERS)? })
}
