//! One record of the journal, as `log` gives it.

use library::LogEntry;
use serde::{Deserialize, Serialize};

/// The line of `log --json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Its number in the journal.
    pub seq: u64,
    /// When, RFC 3339.
    pub time: String,
    /// The account that decided; null when nobody did.
    pub actor: Option<String>,
    /// Through what: `cli`, `mount`, `watcher`, ...
    pub face: String,
    /// What was decided.
    pub kind: String,
    /// The particulars.
    pub content: serde_json::Value,
}

impl From<LogEntry> for Record {
    fn from(entry: LogEntry) -> Self {
        Self {
            seq: entry.sequence,
            time: entry.time.to_string(),
            actor: entry.actor.map(|actor| actor.to_string()),
            face: entry.face,
            kind: entry.kind,
            content: entry.content,
        }
    }
}

impl Record {
    /// The cells of one line of `log`.
    pub fn cells(&self) -> Vec<String> {
        let time = self.time.get(..19).unwrap_or(&self.time).replace('T', " ");
        vec![
            self.seq.to_string(),
            time,
            self.face.clone(),
            self.kind.clone(),
            super::safe(&self.content.to_string()),
        ]
    }
}
