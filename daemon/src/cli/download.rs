//! The line that says how far a download is.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::bytes;
use crate::terminal;

/// How often a log that is no terminal hears of it.
const SENTENCES: Duration = Duration::from_secs(10);

/// Shows one download after the other.
#[derive(Default)]
pub(super) struct Bar {
    bar: Option<(String, ProgressBar)>,
    said: Option<Instant>,
}

impl Bar {
    /// So much of `name` is here.
    pub(super) fn show(&mut self, name: &str, done: u64, total: Option<u64>) {
        let of = total.map_or_else(String::new, |total| format!(" of {}", bytes(total)));
        let sentence = format!("{name}: {}{of}", bytes(done));
        if !terminal::is_lively() {
            if self.said.is_none_or(|said| said.elapsed() >= SENTENCES) {
                self.said = Some(Instant::now());
                tracing::info!("{sentence}");
            }
            return;
        }
        if self.bar.as_ref().is_none_or(|(shown, _)| shown != name) {
            self.clear();
            let bar = terminal::BARS.add(ProgressBar::new(0));
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {msg}, {bytes_per_sec}, {eta} left") {
                bar.set_style(style.progress_chars("━╸─"));
            }
            self.bar = Some((name.to_owned(), bar));
        }
        if let Some((_, bar)) = &self.bar {
            bar.set_length(total.unwrap_or(done).max(1));
            bar.set_position(done);
            bar.set_message(sentence);
        }
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.finish_and_clear();
            terminal::BARS.remove(&bar);
        }
    }
}
