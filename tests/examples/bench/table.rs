//! What is printed: a line a measurement, with its peer and its budget.

use std::time::Duration;

/// Times taken of one thing.
#[derive(Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    pub(crate) fn add(&mut self, sample: Duration) {
        self.0.push(sample);
        self.0.sort();
    }

    pub(crate) fn median(&self) -> Duration {
        self.percentile(50)
    }

    fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)]
    }

    pub(crate) fn median_ms(&self) -> String {
        self.percentile_ms(50)
    }

    pub(crate) fn percentile_ms(&self, percent: usize) -> String {
        milliseconds(self.percentile(percent))
    }
}

pub(crate) fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds < 10.0 { format!("{milliseconds:.1} ms") } else { format!("{milliseconds:.0} ms") }
}

pub(crate) fn section(title: &str) {
    println!("\n{title}");
}

pub(crate) fn row(what: &str, measured: &str, against: &str, budget: &str) {
    let budget = if budget.is_empty() { String::new() } else { format!("(budget {budget})") };
    println!("  {what:<38} {measured:>16}  {against:<44} {budget}");
}
