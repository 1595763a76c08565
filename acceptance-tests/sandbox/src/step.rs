//! Named steps, with what they do and how long it took last time.
//!
//! A step finds its work done already, or does it: only then is it shown and timed. So a second `up` says little, and
//! the time of a build is not forgotten because it was found in the cache afterwards.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, thread};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cache::Cache;

/// The file of the cache in which times are kept, by the names of steps, in seconds.
const TIMES: &str = "step-times.json";

/// How the progress of steps is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Bars on a terminal, lines elsewhere.
    Progress,
    /// Not at all: for CI.
    Quiet,
}

/// The steps of one command.
#[derive(Debug)]
pub struct Steps {
    times: PathBuf,
    telling: Telling,
    bars: MultiProgress,
}

/// A step at work.
#[derive(Debug)]
pub struct Step<'a> {
    steps: &'a Steps,
    name: &'a str,
    bar: std::cell::OnceCell<ProgressBar>,
}

impl Steps {
    /// Steps that keep their times in `cache`.
    pub fn new(cache: &Cache, telling: Telling) -> Self {
        Self { times: cache.root().join(TIMES), telling, bars: MultiProgress::new() }
    }

    /// Runs the step `name`. Its work calls [`Step::doing`] before it does anything that takes time.
    pub fn run<T, E>(&self, name: &str, work: impl FnOnce(&Step) -> Result<T, E>) -> Result<T, E> {
        let step = Step { steps: self, name, bar: std::cell::OnceCell::new() };
        let started = Instant::now();
        let result = work(&step);
        step.end(result.is_ok(), started.elapsed());
        result
    }

    /// Says something that is not a step.
    pub fn say(&self, line: &str) {
        if self.telling == Telling::Progress {
            self.bars.suspend(|| eprintln!("{line}"));
        }
    }

    fn shows_bars(&self) -> bool {
        self.telling == Telling::Progress && !self.bars.is_hidden()
    }

    fn last_time(&self, name: &str) -> Option<f64> {
        read_times(&self.times).remove(name)
    }

    /// A time that cannot be kept is no reason to fail: it is shown, and decides nothing.
    fn keep_time(&self, name: &str, elapsed: Duration) {
        let mut times = read_times(&self.times);
        times.insert(name.to_owned(), (elapsed.as_secs_f64() * 10.0).round() / 10.0);
        let partial = self.times.with_extension(format!("{:?}", thread::current().id()));
        if let Ok(text) = serde_json::to_string_pretty(&times) {
            let _ = fs::write(&partial, text).and_then(|()| fs::rename(&partial, &self.times));
        }
    }
}

impl Step<'_> {
    /// Tells what is being done, as in `image: installing Debian`. Called again, it tells the next thing.
    pub fn doing(&self, what: &str) {
        let line = told(self.name, what, self.steps.last_time(self.name));
        if !self.steps.shows_bars() && self.bar.get().is_none() {
            self.steps.say(&line);
        }
        self.bar.get_or_init(|| self.steps.bar()).set_message(line);
    }

    fn end(&self, succeeded: bool, elapsed: Duration) {
        let Some(bar) = self.bar.get() else { return };
        bar.finish_and_clear();
        if succeeded {
            self.steps.keep_time(self.name, elapsed);
            self.steps.say(&format!("{}: done in {}", self.name, seconds(elapsed.as_secs_f64())));
        }
    }
}

impl Steps {
    fn bar(&self) -> ProgressBar {
        if !self.shows_bars() {
            return ProgressBar::hidden();
        }
        let bar = self.bars.add(ProgressBar::new_spinner());
        // A template that is not understood leaves the plain spinner.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

fn read_times(path: &PathBuf) -> BTreeMap<String, f64> {
    fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

fn told(name: &str, what: &str, last_time: Option<f64>) -> String {
    match last_time {
        Some(time) => format!("{name}: {what} (took {} last time)", seconds(time)),
        None => format!("{name}: {what}"),
    }
}

fn seconds(time: f64) -> String {
    if time < 10.0 { format!("{time:.1} s") } else { format!("{time:.0} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_how_long_it_took_last_time() {
        assert_eq!(told("image", "installing Debian", None), "image: installing Debian");
        assert_eq!(
            told("image", "installing Debian", Some(106.58)),
            "image: installing Debian (took 107 s last time)"
        );
        assert_eq!(told("aws", "starting moto", Some(1.44)), "aws: starting moto (took 1.4 s last time)");
    }

    #[test]
    fn keeps_the_time_of_work_and_not_of_finding_it_done() {
        let folder = tempfile::tempdir().unwrap();
        let steps = Steps::new(&Cache::at(folder.path()), Telling::Quiet);
        let found: Result<(), ()> = steps.run("image", |_| Ok(()));
        assert_eq!((found, steps.last_time("image")), (Ok(()), None));
        let made: Result<(), ()> = steps.run("image", |step| {
            step.doing("installing Debian");
            Ok(())
        });
        assert_eq!(made, Ok(()));
        assert!(steps.last_time("image").is_some());
    }

    #[test]
    fn forgets_the_time_of_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let steps = Steps::new(&Cache::at(folder.path()), Telling::Quiet);
        let failed: Result<(), &str> = steps.run("image", |step| {
            step.doing("installing Debian");
            Err("no mirror")
        });
        assert_eq!((failed, steps.last_time("image")), (Err("no mirror"), None));
    }
}
