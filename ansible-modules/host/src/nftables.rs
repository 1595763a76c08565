//! Rule sets of nftables: text that replaces one table of ours, loaded as a whole or not at all.

use crate::{Fault, Host, Program};

/// Whether `nft` accepts the text; changes nothing.
pub fn check(host: &Host, text: &str) -> Result<(), Fault> {
    let program = Program::new("nft").args(["--check", "--file", "-"]).input(text);
    match host.ask(&program) {
        Err(Fault::Start { .. }) => {
            Err(Fault::unsupported("this host has no nft: install the package nftables"))
        }
        output => output?.checked(&program).map(drop),
    }
}

/// Loads the text in one transaction.
pub fn load(host: &Host, text: &str) -> Result<(), Fault> {
    host.run(&Program::new("nft").args(["--file", "-"]).input(text)).map(drop)
}

/// The table as `nft` prints it; none when it is not there.
pub fn table(host: &Host, family: &str, name: &str) -> Result<Option<String>, Fault> {
    let program = Program::new("nft").args(["--stateless", "list", "table", family, name]);
    let output = match host.ask(&program) {
        Err(Fault::Start { .. }) => {
            return Err(Fault::unsupported("this host has no nft: install the package nftables"));
        }
        output => output?,
    };
    match output.success() {
        true => Ok(Some(output.stdout)),
        false if output.stderr.contains("No such file or directory") => Ok(None),
        false if output.stderr.contains("Operation not permitted") => Err(Fault::unsupported(
            "the kernel lets nobody here see its packet filter: it needs root and CAP_NET_ADMIN",
        )),
        false => output.checked(&program).map(|_| None),
    }
}
