//! The sites where projects publish their releases, and the folder of this machine for what was taken from them.
//!
//! A file is fetched as it is. Whether it is what its publisher says is judged by whoever asked for it.

mod failure;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use node::fingerprint::hexadecimal;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, OnceCell};

pub use failure::DownloadError;

use super::rate::RateLimit;
use super::retry::{Backoff, Budget, Policy, Repeat};
use failure::Attempt;

/// The environment variable that names a mirror of all sites.
pub const MIRROR_VARIABLE: &str = "SOCLE_RELEASE_MIRROR";
/// The environment variable that names the folder of what is kept.
const CACHE_VARIABLE: &str = "SOCLE_CACHE";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence of a site that is sending.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(5), attempts: 4 };
/// A list of checksums has some kilobytes.
const LARGEST_TEXT: usize = 1 << 20;

/// All release sites. Making it connects to none.
#[derive(Debug)]
pub struct Releases {
    mirror: Option<String>,
    folder: Option<PathBuf>,
    policy: Policy,
    client: OnceCell<reqwest::Client>,
    whole: Mutex<BTreeSet<PathBuf>>,
}

impl Releases {
    /// As the environment says: the mirror of `SOCLE_RELEASE_MIRROR`, else the sites themselves; the folder `releases` of
    /// `SOCLE_CACHE`, else of `XDG_CACHE_HOME/socle`, else of `HOME/.cache/socle`.
    pub fn of_environment() -> Self {
        let named = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = named(CACHE_VARIABLE)
            .or_else(|| Some(named("XDG_CACHE_HOME")?.join("socle")))
            .or_else(|| Some(named("HOME")?.join(".cache/socle")));
        let mirror = std::env::var(MIRROR_VARIABLE).ok().filter(|url| !url.is_empty());
        Self::new(mirror, folder.map(|folder| folder.join("releases")))
    }

    /// A mirror has each site under its host's name: `MIRROR/dl.k8s.io/…`. None: the sites themselves.
    pub fn new(mirror: Option<String>, folder: Option<PathBuf>) -> Self {
        let policy = Policy { backoff: BACKOFF, limit: RateLimit::new(Duration::from_millis(100), 16) };
        let mirror = mirror.map(|url| url.trim_end_matches('/').to_owned());
        Self { mirror, folder, policy, client: OnceCell::new(), whole: Mutex::default() }
    }

    /// Where what was fetched is kept.
    ///
    /// # Errors
    /// When the environment names no folder.
    pub fn folder(&self) -> Result<&Path, DownloadError> {
        self.folder.as_deref().ok_or(DownloadError::NoFolder)
    }

    /// The folders that this run has seen to be whole. Whoever holds it works on one; the others wait.
    pub const fn whole(&self) -> &Mutex<BTreeSet<PathBuf>> {
        &self.whole
    }

    /// The URL of a file, which is given as host and path: `dl.k8s.io/release/v1.37.2/…`.
    pub fn url(&self, file: &str) -> String {
        let mirror = self.mirror.as_ref().map(|mirror| format!("{mirror}/{file}"));
        mirror.unwrap_or_else(|| format!("https://{file}"))
    }

    /// The text of a small file.
    ///
    /// # Errors
    /// Why it could not be had.
    pub async fn text(&self, file: &str, budget: &Budget) -> Result<String, DownloadError> {
        let (client, url) = (self.client().await?, self.url(file));
        let attempt = async || {
            let mut response = answer(client, &url).await?;
            let mut bytes = Vec::new();
            while let Some(piece) = response.chunk().await.map_err(Attempt::of)? {
                bytes.extend_from_slice(&piece);
                if bytes.len() > LARGEST_TEXT {
                    return Err(Attempt::Strange("it is no list of checksums: it does not end".to_owned()));
                }
            }
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        self.repeat(&url, budget, attempt).await
    }

    /// Fetches a file to `place`, and answers the SHA-256 of what came, in hexadecimal digits. A fetch that broke off is
    /// begun anew.
    ///
    /// # Errors
    /// Why it could not be had; what stands at `place` then is nothing.
    pub async fn fetch(&self, file: &str, place: &Path, budget: &Budget) -> Result<String, DownloadError> {
        let (client, url) = (self.client().await?, self.url(file));
        let attempt = async || {
            let mut response = answer(client, &url).await?;
            let mut kept = File::create(place).map_err(|error| Attempt::disk(place, &error))?;
            let mut hash = Sha256::new();
            while let Some(piece) = response.chunk().await.map_err(Attempt::of)? {
                hash.update(&piece);
                kept.write_all(&piece).map_err(|error| Attempt::disk(place, &error))?;
            }
            Ok(hexadecimal(&hash.finalize()))
        };
        self.repeat(&url, budget, attempt).await
    }

    async fn repeat<T, F: Future<Output = Result<T, Attempt>>>(
        &self,
        url: &str,
        budget: &Budget,
        attempt: impl Fn() -> F,
    ) -> Result<T, DownloadError> {
        let answer = self.policy.run(budget, Repeat::Safe, Attempt::verdict, attempt).await;
        answer.map_err(|failure| DownloadError::of(url, failure))
    }

    async fn client(&self) -> Result<&reqwest::Client, DownloadError> {
        self.client.get_or_try_init(async || self.connected()).await
    }

    /// What is fetched over HTTPS is never redirected to less.
    fn connected(&self) -> Result<reqwest::Client, DownloadError> {
        // reqwest asks rustls for the process's default; whoever set one before us is right.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent("socle")
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT);
        let client = match &self.mirror {
            Some(mirror) if !is_safe(mirror) => return Err(DownloadError::Mirror { found: shown(mirror) }),
            Some(mirror) if mirror.starts_with("http:") => client.no_proxy(),
            _ => client.https_only(true),
        };
        client.build().map_err(|error| DownloadError::Client { cause: failure::said(error) })
    }
}

/// One answer, when it is the file.
async fn answer(client: &reqwest::Client, url: &str) -> Result<reqwest::Response, Attempt> {
    let response = client.get(url).send().await.map_err(Attempt::of)?;
    if response.status().is_success() {
        return Ok(response);
    }
    Err(Attempt::Status(response.status().as_u16()))
}

/// Whether checksums that come from there are worth something: HTTPS, or this machine. A password in a URL would be told
/// in errors.
fn is_safe(mirror: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(mirror) else { return false };
    let here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && here);
    scheme && url.username().is_empty() && url.password().is_none() && url.query().is_none()
}

/// The URL of a mirror without what could be a password.
fn shown(mirror: &str) -> String {
    mirror.rsplit_once('@').map_or_else(|| mirror.to_owned(), |(_, place)| format!("…@{place}"))
}

#[cfg(test)]
pub(crate) mod site;
#[cfg(test)]
mod tests;
