//! What the user's terminal gets: answers on stdout, the log and progress on stderr, never one in the other's way.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};
use std::sync::LazyLock;

use anyhow::Result;
use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::exit::Exit;

/// Every progress bar, so that a line of the log can be put above them.
pub static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Whether colours and moving lines are welcome on stderr.
pub fn is_lively() -> bool {
    io::stderr().is_terminal()
}

fn wants_colour() -> bool {
    is_lively() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Marks a word on stdout, where that is a terminal that wants colour.
pub fn coloured(word: &str, code: &str) -> String {
    let wanted =
        io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
}

/// Says on stderr why the program ends.
pub fn complain(error: &anyhow::Error) {
    BARS.suspend(|| {
        // Nobody is left to be told when stderr is closed.
        let _ = writeln!(io::stderr(), "galleryfs: {error:#}");
    });
}

/// An answer being written to stdout.
pub struct Page {
    out: BufWriter<StdoutLock<'static>>,
}

impl Default for Page {
    fn default() -> Self {
        Self { out: BufWriter::new(io::stdout().lock()) }
    }
}

impl Page {
    /// Writes a line.
    pub fn line(&mut self, line: &dyn Display) -> Result<()> {
        Ok(writeln!(self.out, "{line}")?)
    }

    /// Writes text that has its own line ends.
    pub fn write(&mut self, text: &str) -> Result<()> {
        Ok(self.out.write_all(text.as_bytes())?)
    }

    /// A remark that is no part of the answer.
    pub fn note(&mut self, note: &str) {
        let _ = writeln!(io::stderr(), "{note}");
    }

    /// Everything is written.
    pub fn finish(mut self) -> Result<Exit> {
        self.out.flush()?;
        Ok(Exit::Done)
    }

    /// Shows what is written so far.
    pub fn show(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }
}

/// Sends the log to stderr: `level` and above of our own crates, or what `GALLERYFS_LOG` says.
pub fn start_log(level: &str, verbose: u8) {
    let level = match verbose {
        0 => level,
        1 => "debug",
        _ => "trace",
    };
    let filter = std::env::var("GALLERYFS_LOG").ok().filter(|filter| !filter.is_empty());
    // What the libraries below say on the way is for whoever asks for it.
    let filter = filter.unwrap_or_else(|| {
        format!(
            "warn,sled=error,tantivy=error,fuser=error,library={level},media={level},daemon={level},galleryfs_fs={level}"
        )
    });
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(AboveBars)
        .with_ansi(wants_colour())
        .with_target(false);
    // Under systemd the journal has its own clock.
    if std::env::var_os("JOURNAL_STREAM").is_some() { log.without_time().init() } else { log.init() }
}

struct AboveBars;

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for AboveBars {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
