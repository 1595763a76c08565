//! Waiting for something that comes about by itself.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Asks again and again until there is an answer, or the time is over.
pub(crate) fn until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> Result<T, String>,
) -> Result<T, Failure> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        match ask() {
            Ok(found) => return Ok(found),
            Err(last) if start.elapsed() >= limit => {
                return Err(Failure::Waited { what: what.to_owned(), seconds: limit.as_secs(), last });
            }
            Err(_) => std::thread::sleep(pause),
        }
        pause = (pause * 3 / 2).min(Duration::from_secs(1));
    }
}
