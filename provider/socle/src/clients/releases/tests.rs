use std::fs;

use tokio_util::sync::CancellationToken;

use super::site::{Reply, Site, budget};
use super::*;
use crate::clients::retry::Stop;

const FILE: &str = "example.social/release/kubelet";
/// Of `text`.
const SUM: &str = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1";

/// What a fetch of [`FILE`] ends with under this script, and how often it was asked for.
async fn fetched(replies: impl IntoIterator<Item = Reply>) -> (Result<String, DownloadError>, Site, usize) {
    let (site, folder) = (Site::empty().await, tempfile::tempdir().unwrap());
    site.script(FILE, replies);
    let place = folder.path().join("kubelet");
    let found = site.releases(folder.path()).fetch(FILE, &place, &budget()).await;
    if found.is_ok() {
        assert_eq!(fs::read_to_string(place).unwrap(), "text");
    }
    let asked = site.asked().len();
    (found, site, asked)
}

fn text() -> Reply {
    Reply::File(b"text".to_vec())
}

#[tokio::test]
async fn a_file_is_kept_and_its_sum_told() {
    let (found, _, asked) = fetched([text()]).await;
    assert_eq!((found, asked), (Ok(SUM.to_owned()), 1));
}

#[tokio::test]
async fn a_download_that_breaks_off_or_meets_a_busy_site_is_begun_anew() {
    let (found, _, asked) = fetched([Reply::Half(b"text".to_vec()), Reply::Status(503), text()]).await;
    assert_eq!((found, asked), (Ok(SUM.to_owned()), 3));
}

#[tokio::test]
async fn one_that_always_breaks_off_is_given_up_with_its_url() {
    let (found, site, asked) = fetched([Reply::Half(b"text".to_vec())]).await;
    let told = found.unwrap_err().to_string();
    assert!(told.starts_with(&format!("{} does not come: ", site.url(FILE))), "{told}");
    assert_eq!(asked, 4);
}

#[tokio::test]
async fn what_is_not_there_or_not_given_is_asked_for_once() {
    let (found, site, asked) = fetched([Reply::Status(404)]).await;
    assert_eq!((found, asked), (Err(DownloadError::NotFound { url: site.url(FILE) }), 1));
    let (found, site, asked) = fetched([Reply::Status(403)]).await;
    assert_eq!((found, asked), (Err(DownloadError::Refused { url: site.url(FILE), status: 403 }), 1));
}

#[tokio::test]
async fn a_redirect_is_followed() {
    let (site, folder) = (Site::empty().await, tempfile::tempdir().unwrap());
    site.script(FILE, [Reply::Moved("elsewhere".to_owned())]);
    site.publish("elsewhere", "text");
    assert_eq!(site.releases(folder.path()).text(FILE, &budget()).await.unwrap(), "text");
}

#[tokio::test]
async fn a_site_that_is_out_of_reach_is_told_with_its_url_and_the_proxy() {
    let (site, folder) = (Site::empty().await, tempfile::tempdir().unwrap());
    let (url, releases) = (site.url(FILE), site.releases(folder.path()));
    drop(site);
    let told = releases.text(FILE, &budget()).await.unwrap_err().to_string();
    assert!(told.starts_with(&format!("{url} does not come: ")) && told.contains("HTTPS_PROXY"), "{told}");
}

#[tokio::test]
async fn a_silent_site_takes_no_more_time_than_there_is() {
    let (site, folder) = (Site::empty().await, tempfile::tempdir().unwrap());
    site.script(FILE, [Reply::Silence]);
    let budget = Budget::new(Duration::from_millis(50), CancellationToken::new());
    let found = site.releases(folder.path()).text(FILE, &budget).await;
    assert_eq!(found, Err(DownloadError::Stopped { url: site.url(FILE), why: Stop::OutOfTime }));
}

#[tokio::test]
async fn a_list_of_checksums_that_does_not_end_is_not_read_to_its_end() {
    let (site, folder) = (Site::empty().await, tempfile::tempdir().unwrap());
    site.publish(FILE, vec![b'a'; LARGEST_TEXT + 1]);
    let told = site.releases(folder.path()).text(FILE, &budget()).await.unwrap_err().to_string();
    assert!(told.contains("no list of checksums"), "{told}");
}

#[tokio::test]
async fn a_mirror_is_spoken_to_over_https_unless_it_is_this_machine() {
    let client = async |mirror: &str| Releases::new(Some(mirror.to_owned()), None).client().await.map(drop);
    for mirror in ["https://mirror.example.social/releases/", "http://127.0.0.1:8080", "http://localhost/"] {
        assert_eq!(client(mirror).await, Ok(()), "{mirror}");
    }
    for mirror in ["http://mirror.example.social", "mirror.example.social", "ftp://127.0.0.1", ""] {
        let found = mirror.to_owned();
        assert_eq!(client(mirror).await, Err(DownloadError::Mirror { found }), "{mirror}");
    }
    let told = client("https://me:hidden@mirror.example.social").await.unwrap_err().to_string();
    assert!(told.contains("…@mirror.example.social") && !told.contains("hidden"), "{told}");
}

#[test]
fn a_mirror_has_each_site_under_its_name() {
    let mirror = Releases::new(Some("https://mirror.example.social/all/".to_owned()), None);
    assert_eq!(mirror.url("dl.k8s.io/a"), "https://mirror.example.social/all/dl.k8s.io/a");
    assert_eq!(Releases::new(None, None).url("dl.k8s.io/a"), "https://dl.k8s.io/a");
    assert_eq!(mirror.folder(), Err(DownloadError::NoFolder));
}
