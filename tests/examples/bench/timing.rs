//! Taking the time.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long it takes.
pub(crate) fn time(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// How long a program takes on a folder, its output going nowhere.
pub(crate) fn program(words: &[&str], folder: &Path) -> Duration {
    let (name, arguments) = words.split_first().expect("a program");
    let mut command = Command::new(name);
    command.args(arguments).arg(folder).env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null());
    time(|| assert!(command.status().expect("it starts").success(), "{words:?} {}", folder.display()))
}

/// The one in the middle.
pub(crate) fn median(times: &[Duration]) -> Duration {
    percentile(times, 50)
}

/// So many of a hundred are no longer than this.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

/// How long `work` takes in each place, taking turns so that a busy machine is unfair to none: medians, after one turn
/// that does not count.
pub(crate) fn turns(
    rounds: usize,
    places: &[PathBuf],
    mut work: impl FnMut(&Path) -> Duration,
) -> Vec<Duration> {
    let mut times = vec![Vec::new(); places.len()];
    for round in 0..=rounds {
        for (place, times) in places.iter().zip(&mut times) {
            let took = work(place);
            if round > 0 {
                times.push(took);
            }
        }
    }
    times.iter().map(|times| median(times)).collect()
}
