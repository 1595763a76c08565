//! `up` from an empty cache, killed in the midst of each thing that it makes. Takes minutes, so `make test-full` runs it.

#[path = "servers/site.rs"]
mod site;

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::fs;
    use std::path::{Path, PathBuf};

    use crate::site::{Result, Site};

    /// What `up` says when it begins to make something, the folder of the cache for it, and what is in there once it is at
    /// work.
    const MOMENTS: [(&str, &str, &str); 4] = [
        ("packages: downloading", "packages", "pool/partial"),
        ("wireguard: building", "go-library", "00"),
        ("wireguard: building", "wireguard", ".build/modules"),
        ("server image: installing", "server-image", "root/etc/passwd"),
    ];

    /// What is in a folder of the cache: the whole ones, or those that are not.
    fn entries(cache: &Path, kind: &str, whole: bool) -> Vec<PathBuf> {
        let entries = fs::read_dir(cache.join(kind)).into_iter().flatten().flatten();
        let folders = entries.map(|entry| entry.path()).filter(|path| path.is_dir());
        folders.filter(|path| path.extension().is_none() == whole).collect()
    }

    #[test]
    fn nothing_that_was_half_made_is_taken_for_whole() -> Result {
        let site = Site::with_an_empty_cache()?;
        let cache = site.cache().ok_or("no cache")?;
        for (moment, kind, half) in MOMENTS {
            let is_half_made = || entries(cache, kind, false).iter().any(|entry| entry.join(half).exists());
            assert!(site.kill_up_when("--servers 1", moment, is_half_made)?, "{moment:?} was over too soon");
            assert_eq!(entries(cache, kind, true), [""; 0].map(PathBuf::from), "{kind}");
        }
        assert!(site.kill_up_at("--servers 1", "server image: unpacking")?);
        site.run("up --quiet --servers 1")?;
        assert_eq!(site.states()?, ["running"]);
        assert_eq!(site.ssh("admin", "server-1", "sudo -n id -un")?, "root\n");
        for (_, kind, _) in MOMENTS {
            let [whole, halves] = [true, false].map(|whole| entries(cache, kind, whole));
            assert_eq!((whole.len(), halves), (1, Vec::new()), "{kind}: what was half made is cleared away");
        }
        Ok(())
    }
}
