//! Sizes that were not known when reading began.
//!
//! `rustic_core` writes into a tree the size that a file had before it was read; of a stream it writes 0, and restic then
//! restores an empty file. So once all is read, the trees that hold such files are written anew, into a pack of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bytes::Bytes;
use rustic_core::repofile::{NodeType, Tree};
use rustic_core::{FileType, Id, IndexedTree, Repository, RusticResult, TreeId};
use serde_json::json;

use super::lock::Cipher;
use super::objects::Objects;
use super::repository::{RepositoryError, format_error};
use super::storage::{digest, key_of};

/// Sizes of files in bytes, by absolute path.
pub type Sizes = BTreeMap<PathBuf, u64>;

/// A tree as it is stored.
struct Stored {
    id: Id,
    content: Vec<u8>,
}

/// Writes the trees below `root` anew so that they have these sizes; gives the new root.
pub fn correct<S: IndexedTree>(
    repository: &Repository<S>,
    objects: &Objects,
    cipher: &Cipher,
    root: TreeId,
    sizes: &Sizes,
) -> Result<TreeId, RepositoryError> {
    let mut stored = Vec::new();
    let read = |id: TreeId| repository.get_tree(&id);
    let root = corrected(&read, root, Path::new("/"), sizes, &mut stored)?;
    let (pack, index) = packed(&stored, cipher);
    for (tpe, content) in [(FileType::Pack, pack), (FileType::Index, index)] {
        let id = named(&content)?;
        objects.put(&key_of(tpe, &id), &Bytes::from(content))?;
    }
    Ok(root)
}

fn corrected(
    read: &impl Fn(TreeId) -> RusticResult<Tree>,
    id: TreeId,
    here: &Path,
    sizes: &Sizes,
    stored: &mut Vec<Stored>,
) -> Result<TreeId, RepositoryError> {
    let mut tree = read(id).map_err(format_error("read a folder of the backup"))?;
    for node in &mut tree.nodes {
        let path = here.join(node.name());
        if node.node_type == NodeType::File {
            node.meta.size = sizes.get(&path).copied().unwrap_or(node.meta.size);
        } else if let Some(subtree) = node.subtree.filter(|_| holds(sizes, &path)) {
            node.subtree = Some(corrected(read, subtree, &path, sizes, stored)?);
        }
    }
    let step = "write a folder of the backup";
    let written = tree.serialize();
    let (content, id) =
        written.map_err(|error| RepositoryError::Format { step, cause: error.to_string() })?;
    stored.push(Stored { id: *id, content });
    Ok(id)
}

/// Whether one of the files is in this folder or below it.
fn holds(sizes: &Sizes, folder: &Path) -> bool {
    sizes.range(folder.to_owned()..).next().is_some_and(|(path, _)| path.starts_with(folder))
}

/// A pack and its index in the restic format: blobs, their list, the length of the list.
fn packed(trees: &[Stored], cipher: &Cipher) -> (Vec<u8>, Vec<u8>) {
    const UNCOMPRESSED_TREE: u8 = 1;
    let (mut pack, mut header, mut blobs) = (Vec::new(), Vec::new(), Vec::new());
    for tree in trees {
        let sealed = cipher.seal(&tree.content);
        let id = tree.id.to_hex();
        blobs
            .push(json!({ "id": id.as_str(), "type": "tree", "offset": pack.len(), "length": sealed.len() }));
        header.push(UNCOMPRESSED_TREE);
        header.extend_from_slice(&length(&sealed));
        header.extend_from_slice(&bytes_of(id.as_str()));
        pack.extend_from_slice(&sealed);
    }
    let header = cipher.seal(&header);
    pack.extend_from_slice(&header);
    pack.extend_from_slice(&length(&header));
    let index = json!({ "packs": [{ "id": digest(&pack), "blobs": blobs }] });
    (pack, cipher.seal(index.to_string().as_bytes()))
}

fn length(content: &[u8]) -> [u8; 4] {
    u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).filter_map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).ok()).collect()
}

fn named(content: &[u8]) -> Result<Id, RepositoryError> {
    Id::from_str(&digest(content)).map_err(format_error("name a file of the repository"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_on_the_way_to_a_file_are_written_anew() {
        let sizes = Sizes::from([(PathBuf::from("/a/b/file"), 1)]);
        assert!(holds(&sizes, Path::new("/a")) && holds(&sizes, Path::new("/a/b")));
        assert!(!holds(&sizes, Path::new("/a/c")) && !holds(&sizes, Path::new("/a/b/f")));
    }
}
