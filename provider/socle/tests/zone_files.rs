//! The zone files of `zone_files/`: BIND reads them to the same record sets, and those of `refused/` are refused
//! where their first line says.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use socle::dns::rdata::token::tokens;
use socle::dns::zone_file::{ZoneRecordSet, parse, render};
use socle::dns::{DnsName, Rdata, RecordSet, RecordType};

type Sets = BTreeMap<(DnsName, RecordType), ZoneRecordSet>;

fn origin() -> DnsName {
    "example.com".parse().unwrap()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// The zone files right in a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "zone")).collect();
    files.sort();
    assert!(!files.is_empty(), "no zone files in {}", folder.display());
    files
}

fn named_checkzone() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")]);
    folders
        .map(|folder| folder.join("named-checkzone"))
        .find(|program| program.is_file())
        .expect("named-checkzone is missing: install the Debian package bind9-utils")
}

/// The record sets that BIND reads from the file.
fn read_by_bind(file: &Path) -> Sets {
    // No lookups and no opinions on what a sensible zone holds: what counts here is how the file is read.
    let ignore =
        ["-i", "none", "-k", "ignore", "-n", "ignore", "-r", "ignore", "-M", "ignore", "-S", "ignore"];
    let output = Command::new(named_checkzone())
        .args(ignore)
        .args(["-D", "-o", "-", "example.com"])
        .arg(file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "named-checkzone on {}: {said}", file.display());
    let mut sets = Sets::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        insert(&mut sets, line);
    }
    sets
}

/// Takes in one line of BIND's dump, `NAME TTL CLASS TYPE DATA` with absolute names, but for the apex SOA and NS.
fn insert(sets: &mut Sets, line: &str) {
    let mut words = tokens(line).unwrap();
    let data = words.split_off(4);
    let [owner, ttl, class, record_type] = words.as_slice() else { panic!("{line}") };
    assert_eq!(class.text, "IN", "{line}");
    let root: DnsName = ".".parse().unwrap();
    let name = DnsName::relative(&owner.text, &root, socle::dns::escape::Escapes::Decimal).unwrap();
    let record_type: RecordType = record_type.text.parse().unwrap();
    if name == origin() && matches!(record_type, RecordType::Soa | RecordType::Ns) {
        return;
    }
    let ttl = ttl.text.parse().unwrap();
    let data = Rdata::parse_in_master_file(record_type, &data, &root).unwrap();
    let empty = ZoneRecordSet { name: name.clone(), record_type, ttl, values: [].into() };
    let set = sets.entry((name, record_type)).or_insert(empty);
    assert_eq!(set.ttl, ttl, "{line}");
    set.values.insert(data);
}

fn read_by_us(text: &str) -> Sets {
    let sets = parse(text, &origin()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    sets.into_iter().map(|set| ((set.name.clone(), set.record_type), set)).collect()
}

#[test]
fn bind_reads_every_file_to_the_same_sets() {
    for file in files(&folder("zone_files")) {
        let (ours, binds) = (read_by_us(&fs::read_to_string(&file).unwrap()), read_by_bind(&file));
        for set in ours.values() {
            assert_eq!(binds.get(&(set.name.clone(), set.record_type)), Some(set), "{}", file.display());
        }
        assert_eq!(ours.len(), binds.len(), "{}", file.display());
    }
}

#[test]
fn bind_reads_what_we_write_to_the_same_sets() {
    let apex = "@ 60 IN SOA ns.example.net. root.example.net. 1 2 3 4 5\n@ 60 IN NS ns.example.net.\n";
    let folder = tempfile::tempdir().unwrap();
    for file in files(&self::folder("zone_files")) {
        let ours = read_by_us(&fs::read_to_string(&file).unwrap());
        let sets: Vec<RecordSet> = ours.values().cloned().map(RecordSet::from).collect();
        let written = render(&sets, &origin()).unwrap() + apex;
        let copy = folder.path().join(file.file_name().unwrap());
        fs::write(&copy, &written).unwrap();
        assert_eq!(read_by_bind(&copy), ours, "{written}");
    }
}

#[test]
fn the_corpus_has_every_type() {
    let read = |file: PathBuf| read_by_us(&fs::read_to_string(file).unwrap()).into_keys();
    let found: Vec<_> = files(&folder("zone_files")).into_iter().flat_map(read).collect();
    for record_type in RecordType::ALL {
        let is_found = found.iter().any(|(_, found)| *found == record_type);
        assert!(is_found || record_type == RecordType::Soa, "{record_type}");
    }
}

#[test]
fn defects_are_refused_where_they_are() {
    for file in files(&folder("zone_files/refused")) {
        let text = fs::read_to_string(&file).unwrap();
        let (place, message) = text.lines().next().unwrap()[2..].split_once(' ').unwrap();
        let Err(error) = parse(&text, &origin()) else { panic!("{} is not refused", file.display()) };
        assert_eq!(format!("{}:{}", error.line, error.column), place, "{}: {error}", file.display());
        assert!(error.to_string().contains(message), "{}: {error}", file.display());
    }
}
