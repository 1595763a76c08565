//! Archives of container images, as `ctr images import` takes them: one layer or two, a configuration and a manifest.
//!
//! They are made without a container engine and come out the same from the same inputs. Source of the form: the
//! Docker image specification, v1.2, which containerd imports.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// An image to be made.
#[derive(Debug)]
pub(super) struct Image<'a> {
    /// Its full name, with a tag.
    pub(super) name: &'a str,
    /// Its processor, as Go calls it.
    pub(super) architecture: &'a str,
    /// From the lowest to the highest.
    pub(super) layers: &'a [Layer],
    /// What a container runs that names nothing else.
    pub(super) entrypoint: &'a [&'a str],
}

/// A layer of an image.
#[derive(Debug)]
pub(super) enum Layer {
    /// Programs, by their absolute paths in the image.
    Programs(Vec<(String, PathBuf)>),
    /// A whole root, as a tar file.
    Root(PathBuf),
}

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Image<'_> {
    /// Writes the archive to `path`; `scratch` is a folder for what lives a moment only.
    pub(super) fn write(&self, path: &Path, scratch: &Path) -> io::Result<()> {
        let layers: Vec<_> = self
            .layers
            .iter()
            .enumerate()
            .map(|(number, layer)| layer.packed(&scratch.join(format!("layer-{number}.tar"))))
            .collect::<Result<_, _>>()?;
        let digests: Vec<_> = layers.iter().map(|layer| digest(layer)).collect::<Result<_, _>>()?;
        let configuration = self.configuration(&digests).to_string();
        let configuration_name =
            format!("{:x}.json", Hex(Sha256::digest(configuration.as_bytes()).as_slice()));
        let names: Vec<_> = digests.iter().map(|digest| format!("{digest}.tar")).collect();
        let manifest = json!([{ "Config": configuration_name, "RepoTags": [self.name], "Layers": names }]);
        let mut archive = Builder::new(File::create(path)?);
        append(&mut archive, &configuration_name, configuration.as_bytes())?;
        for (name, layer) in names.iter().zip(&layers) {
            let mut file = File::open(layer)?;
            let mut header = header(EntryType::Regular, 0o644, file.seek(io::SeekFrom::End(0))?);
            file.rewind()?;
            archive.append_data(&mut header, name, file)?;
        }
        append(&mut archive, "manifest.json", manifest.to_string().as_bytes())?;
        archive.into_inner()?.sync_all()?;
        for number in 0..self.layers.len() {
            // A layer that was a file already is not in the scratch folder.
            let _ = fs::remove_file(scratch.join(format!("layer-{number}.tar")));
        }
        Ok(())
    }

    fn configuration(&self, digests: &[String]) -> Value {
        let layers: Vec<_> = digests.iter().map(|digest| format!("sha256:{digest}")).collect();
        json!({
            "architecture": self.architecture,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": { "Entrypoint": self.entrypoint, "Env": [PATH], "WorkingDir": "/" },
            "rootfs": { "type": "layers", "diff_ids": layers },
        })
    }
}

impl Layer {
    /// The tar file of the layer: the one that there is, or one written to `path`.
    fn packed(&self, path: &Path) -> io::Result<PathBuf> {
        let programs = match self {
            Self::Root(root) => return Ok(root.clone()),
            Self::Programs(programs) => programs,
        };
        let mut layer = Builder::new(File::create(path)?);
        for folder in folders_of(programs.iter().map(|(target, _)| target.as_str())) {
            layer.append_data(&mut header(EntryType::Directory, 0o755, 0), folder, io::empty())?;
        }
        for (target, source) in programs {
            let file = File::open(source)?;
            let mut header = header(EntryType::Regular, 0o755, file.metadata()?.len());
            layer.append_data(&mut header, target.trim_start_matches('/'), file)?;
        }
        layer.finish()?;
        Ok(path.to_owned())
    }
}

/// The folders above these paths, each once, the upper ones first.
fn folders_of<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<&'a Path> {
    let parents = |path: &'a str| Path::new(path.trim_start_matches('/')).ancestors().skip(1);
    let mut folders: Vec<_> = paths.flat_map(parents).filter(|path| !path.as_os_str().is_empty()).collect();
    folders.sort_unstable();
    folders.dedup();
    folders
}

fn append(archive: &mut Builder<File>, name: &str, bytes: &[u8]) -> io::Result<()> {
    archive.append_data(&mut header(EntryType::Regular, 0o644, bytes.len() as u64), name, bytes)
}

/// Root's, and of no particular time: so the same inputs are the same bytes.
fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// The SHA-256 of a file, in hexadecimal digits.
pub(super) fn digest(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{:x}", Hex(hash.finalize().as_slice()))),
            read => hash.update(&buffer[..read]),
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl std::fmt::LowerHex for Hex<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, name: &str) -> Vec<u8> {
        let program = folder.join("program");
        fs::write(&program, "#!").unwrap();
        let root = folder.join("root.tar");
        Builder::new(File::create(&root).unwrap()).finish().unwrap();
        let layers = [
            Layer::Root(root),
            Layer::Programs(vec![
                ("/usr/local/bin/one".to_owned(), program.clone()),
                ("/two".to_owned(), program),
            ]),
        ];
        let image = Image { name, architecture: "amd64", layers: &layers, entrypoint: &["/two"] };
        let archive = folder.join("image.tar");
        image.write(&archive, folder).unwrap();
        fs::read(archive).unwrap()
    }

    fn entries(tar: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut archive = tar::Archive::new(tar);
        let read = |entry: io::Result<tar::Entry<_>>| {
            let mut entry: tar::Entry<&[u8]> = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.path().unwrap().to_string_lossy().into_owned(), bytes)
        };
        archive.entries().unwrap().map(read).collect()
    }

    #[test]
    fn every_part_is_named_by_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let entries = entries(&written(folder.path(), "localhost/two:1"));
        let (name, manifest) = entries.last().unwrap();
        assert_eq!(name, "manifest.json");
        let manifest: Value = serde_json::from_slice(manifest).unwrap();
        assert_eq!(manifest[0]["RepoTags"], json!(["localhost/two:1"]));
        assert_eq!(manifest[0]["Config"], json!(entries[0].0));
        let configuration: Value = serde_json::from_slice(&entries[0].1).unwrap();
        for (number, (name, bytes)) in entries[1..entries.len() - 1].iter().enumerate() {
            let digest = format!("{:x}", Hex(Sha256::digest(bytes).as_slice()));
            assert_eq!(*name, format!("{digest}.tar"));
            assert_eq!(manifest[0]["Layers"][number], json!(name));
            assert_eq!(configuration["rootfs"]["diff_ids"][number], json!(format!("sha256:{digest}")));
        }
    }

    #[test]
    fn a_layer_has_the_folders_above_its_programs() {
        let folder = tempfile::tempdir().unwrap();
        let image = entries(&written(folder.path(), "localhost/two:1"));
        let layer = entries(&image[2].1);
        let names: Vec<_> = layer.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["usr", "usr/local", "usr/local/bin", "usr/local/bin/one", "two"]);
    }

    #[test]
    fn the_same_inputs_are_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(written(folder.path(), "localhost/two:1"), written(folder.path(), "localhost/two:1"));
    }
}
