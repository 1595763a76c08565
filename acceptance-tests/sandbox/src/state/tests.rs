use super::*;

fn cache() -> (tempfile::TempDir, Cache) {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    (folder, cache)
}

fn claim(cache: &Cache, name: &str) -> Claim {
    Sandbox::named(cache, name.parse().unwrap()).claim(|| panic!("{name} is claimed")).unwrap()
}

fn servers(servers: u8) -> Wanted {
    Wanted { servers, ..Wanted::default() }
}

#[test]
fn a_name_is_short_and_plain() {
    for name in ["default", "a", "ci-2"] {
        assert_eq!(name.parse::<Name>().unwrap().to_string(), name);
    }
    for name in ["", "2", "-a", "A", "a_b", "a/b", "abcdefghijklmnopqrstu"] {
        assert_eq!(name.parse::<Name>(), Err(BadName), "{name}");
    }
}

#[test]
fn two_sandboxes_have_networks_of_their_own() {
    let (_folder, cache) = cache();
    let one = claim(&cache, "one").write_down(&servers(1), &[]).unwrap();
    let two = claim(&cache, "two").write_down(&servers(1), &[]).unwrap();
    assert_ne!(one.slot, two.slot);
    let names: Vec<_> = all(&cache).unwrap().iter().map(|sandbox| sandbox.name().to_string()).collect();
    assert!(names.contains(&"one".to_owned()) && names.contains(&"two".to_owned()), "{names:?}");
}

#[test]
fn a_network_is_kept_and_given_back() {
    let (_folder, cache) = cache();
    let first = claim(&cache, "one").write_down(&servers(1), &[]).unwrap();
    let own = [Network::parse(&first.slot.server(1).to_string()).unwrap()];
    assert_eq!(claim(&cache, "one").write_down(&servers(2), &own).unwrap().slot, first.slot);
    claim(&cache, "one").forget().unwrap();
    assert_eq!(Sandbox::named(&cache, "one".parse().unwrap()).record().unwrap(), None);
    assert_eq!(claim(&cache, "two").write_down(&servers(1), &[]).unwrap().slot, first.slot);
}

#[test]
fn asking_for_less_takes_nothing_away() {
    let (_folder, cache) = cache();
    let claim = claim(&cache, "one");
    claim.write_down(&servers(3), &[]).unwrap();
    let record = claim.write_down(&Wanted { aws: true, ..servers(1) }, &[]).unwrap();
    assert_eq!(record.wanted, Wanted { aws: true, ..servers(3) });
    assert_eq!(claim.sandbox().record().unwrap(), Some(record));
}

#[test]
fn servers_of_another_release_are_refused() {
    let (_folder, cache) = cache();
    let claim = claim(&cache, "one");
    claim.write_down(&servers(1), &[]).unwrap();
    let trixie = Wanted { debian: Release::Trixie, ..servers(2) };
    let refused = claim.write_down(&trixie, &[]).unwrap_err();
    assert!(matches!(refused, StateError::OtherRelease(Release::Bookworm)), "{refused}");
    let aws = Wanted { aws: true, ..Wanted::default() };
    assert_eq!(claim.write_down(&aws, &[]).unwrap().wanted.servers, 1);
}

#[test]
fn a_program_of_a_killed_command_keeps_the_claim() {
    let (_folder, cache) = cache();
    let claim = claim(&cache, "one");
    let sandbox = claim.sandbox().clone();
    let mut program = claim.command("sleep").unwrap().arg("600").spawn().unwrap();
    drop(claim);
    let mut waited = false;
    sandbox
        .claim(|| {
            waited = true;
            program.kill().unwrap();
            program.wait().unwrap();
        })
        .unwrap();
    assert!(waited, "the claim was free while a program of it still ran");
}
