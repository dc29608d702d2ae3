//! The line that says how far the indexing is: moving on a terminal, now and then a sentence where there is none.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::{Activity, State, count, elapsed, plural};
use crate::terminal;

/// How often a log that is no terminal hears of the progress.
const SENTENCES: Duration = Duration::from_secs(30);

/// Shows an [`Activity`] again and again.
pub struct Progress {
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Self { bar: None, said: Instant::now() }
    }
}

impl Progress {
    /// Shows how things stand now.
    pub fn show(&mut self, activity: &Activity) {
        if activity.is_settled() {
            self.clear();
            return;
        }
        let sentence = sentence(activity);
        if !terminal::is_lively() {
            if self.said.elapsed() >= SENTENCES {
                self.said = Instant::now();
                tracing::info!("{sentence}");
            }
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = terminal::BARS.add(ProgressBar::new(0));
            // A template of our own writing: it parses, and a plain bar would do as well.
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {msg}") {
                bar.set_style(style.progress_chars("━╸─"));
            }
            bar
        });
        let (done, total) = done_of_total(activity);
        bar.set_length(total.max(1));
        bar.set_position(done);
        bar.set_message(sentence);
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            terminal::BARS.remove(&bar);
        }
    }
}

fn done_of_total(activity: &Activity) -> (u64, u64) {
    let busy = activity.busy;
    let done = busy.read + busy.unchanged + busy.moved + busy.unreadable;
    (done, done + busy.waiting)
}

fn sentence(activity: &Activity) -> String {
    let busy = activity.busy;
    let (done, total) = done_of_total(activity);
    let (left, rate) = activity.looking;
    if busy.waiting == 0 && left > 0 {
        let mut sentence = format!("looking at {}", plural(left, "photo", "photos"));
        if rate >= 0.1 {
            sentence
                .push_str(&format!(", {rate:.1} a second, {} left", elapsed((left as f64 / rate).ceil())));
        }
        return sentence;
    }
    if busy.waiting == 0 && activity.state == State::Indexing {
        return format!("taking {} changes into the text index", count(activity.pending));
    }
    let mut sentence = format!("{} of {} files", count(done), count(total));
    if busy.rate >= 0.1 {
        sentence.push_str(&format!(", {:.0} a second", busy.rate));
    }
    if activity.state == State::Scanning {
        sentence.push_str(", still looking for more");
    } else if busy.rate >= 0.1 {
        sentence.push_str(&format!(", {} left", elapsed((busy.waiting as f64 / busy.rate).ceil().max(1.0))));
    }
    sentence
}
