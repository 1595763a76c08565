//! The files of a folder over HTTP, for tests of what downloads: a mirror of release sites, a registry of images.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What a registry calls a file in a folder `manifests`.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A server on one address. It ends with the test program.
#[derive(Debug)]
pub struct FileServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FileServer {
    /// Serves `folder`, as it is when it is asked, on a port of the system's choice.
    pub fn of(address: &str, folder: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind((address, 0))?;
        let address = listener.local_addr()?;
        let (folder, asked) = (folder.to_owned(), Arc::<Mutex<Vec<String>>>::default());
        let ledger = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folder, ledger) = (folder.clone(), Arc::clone(&ledger));
                // A client that goes away is its own affair.
                thread::spawn(move || drop(answer(stream, &folder, &ledger)));
            }
        });
        Ok(Self { address, asked })
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The paths that were asked for since the last time, in order.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Answers one request, and hangs up.
fn answer(stream: TcpStream, folder: &Path, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default().trim_start_matches('/');
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
    reply(stream, method, &file(folder, path))
}

fn reply(mut stream: TcpStream, method: &str, file: &Path) -> io::Result<()> {
    let Some(length) = fs::metadata(file).ok().filter(fs::Metadata::is_file).map(|found| found.len()) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    };
    let kind = if is_manifest(file) { MANIFEST } else { "application/octet-stream" };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    if method != "HEAD" {
        io::copy(&mut File::open(file)?, &mut stream)?;
    }
    stream.flush()
}

/// A path that leads out of the folder leads nowhere.
fn file(folder: &Path, path: &str) -> PathBuf {
    if path.split('/').any(|part| part == "..") { PathBuf::new() } else { folder.join(path) }
}

fn is_manifest(file: &Path) -> bool {
    file.parent().is_some_and(|folder| folder.ends_with("manifests"))
}
