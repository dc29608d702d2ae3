//! What was measured.

use std::time::Duration;

/// The rows, and what is to be said below them.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// One measurement.
#[derive(Default)]
pub(crate) struct Row {
    what: String,
    ours: String,
    peer: String,
    ratio: String,
    bindfs: String,
    budget: String,
    verdict: &'static str,
}

impl Table {
    /// Another row.
    pub(crate) fn row(&mut self, what: impl Into<String>, ours: impl Into<String>) -> &mut Row {
        self.tell();
        let (what, ours) = (what.into(), ours.into());
        self.rows.push(Row { what, ours, ..Row::default() });
        self.rows.last_mut().expect("the row")
    }

    /// Says the last row, for whoever waits: the table comes at the end.
    fn tell(&self) {
        if let Some(row) = self.rows.last() {
            println!("  {}", row.cells().join("  "));
        }
    }

    /// What the rows do not tell.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// All of it, as Markdown.
    pub(crate) fn print(&self) {
        self.tell();
        let head = ["what", "galleryfs", "peer", "ratio", "bindfs", "budget", "verdict"].map(str::to_owned);
        let mut lines = vec![head];
        lines.extend(self.rows.iter().map(Row::cells));
        let widths: Vec<usize> =
            (0..7).map(|at| lines.iter().map(|cells| cells[at].chars().count()).max().unwrap_or(0)).collect();
        println!();
        for (number, cells) in lines.iter().enumerate() {
            let cells = cells.iter().zip(&widths).map(|(cell, width)| format!(" {cell:width$} "));
            println!("|{}|", cells.collect::<Vec<_>>().join("|"));
            if number == 0 {
                let rules = widths.iter().map(|width| "-".repeat(width + 2));
                println!("|{}|", rules.collect::<Vec<_>>().join("|"));
            }
        }
        for note in &self.notes {
            println!("\n{note}");
        }
    }
}

impl Row {
    /// What the other one does, and how many times as much we do.
    pub(crate) fn against(&mut self, peer: impl Into<String>, ratio: f64) -> &mut Self {
        (self.peer, self.ratio) = (peer.into(), times(ratio));
        self
    }

    /// The ratio of bindfs to the same.
    pub(crate) fn bindfs(&mut self, ratio: Option<f64>) -> &mut Self {
        self.bindfs = ratio.map_or_else(|| "not installed".to_owned(), times);
        self
    }

    /// What was promised, and whether it is kept.
    pub(crate) fn budget(&mut self, budget: &str, is_kept: bool) -> &mut Self {
        (self.budget, self.verdict) = (budget.to_owned(), if is_kept { "ok" } else { "MISSED" });
        self
    }

    fn cells(&self) -> [String; 7] {
        [&self.what, &self.ours, &self.peer, &self.ratio, &self.bindfs, &self.budget, self.verdict]
            .map(|cell| if cell.is_empty() { "-".to_owned() } else { cell.to_owned() })
    }
}

/// `1.23 x`
fn times(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2} x") } else { format!("{ratio:.1} x") }
}

/// `3.21 ms`
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds >= 10.0 {
        format!("{seconds:.1} s")
    } else if seconds >= 1.0 {
        format!("{seconds:.2} s")
    } else if seconds >= 0.1 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{:.2} ms", seconds * 1e3)
    }
}

/// `100,000`
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
