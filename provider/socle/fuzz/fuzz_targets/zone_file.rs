//! Any text is a zone or an error, never a panic; a zone that is read, written and read again is the same.
//!
//! In the folder of this package, on the stable compiler:
//! `mkdir -p corpus && cargo run --release -- corpus ../tests/zone_files ../tests/zone_files/refused`.
//! With the address sanitizer: `cargo +nightly fuzz run zone_file`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use socle::dns::zone_file::{parse, render};
use socle::dns::{DnsName, RecordSet};

fuzz_target!(|text: &str| {
    let origin: DnsName = "example.com".parse().expect("a name");
    let Ok(sets) = parse(text, &origin) else { return };
    let written: Vec<RecordSet> = sets.iter().cloned().map(RecordSet::from).collect();
    let file = render(&written, &origin).expect("sets of a zone file can be written to one");
    assert_eq!(parse(&file, &origin).as_ref(), Ok(&sets), "{file}");
});
