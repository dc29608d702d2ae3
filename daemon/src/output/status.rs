//! How the library is, as `status` gives it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::text::{self, Table};

/// The object of `status --json`. Field names and meanings are a promise (README).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// What is going on.
    pub state: State,
    /// Photos and videos that are there now: as many as `list` has lines.
    pub assets: u64,
    /// How many of them are pictures.
    pub images: u64,
    /// How many of them are videos.
    pub videos: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Photos and videos that are not there now and will be as they were when their files return.
    pub missing: u64,
    /// Work still to run, text search included; 0 when everything found is indexed.
    pub pending: u64,
    /// How the indexing goes; null when no daemon runs.
    pub busy: Option<Busy>,
    /// What is made of the pictures: `thumbnails`, `meaning`, `faces`; null when no daemon runs.
    pub stages: Option<BTreeMap<String, Stage>>,
    /// What looks at them; null when no daemon runs.
    pub vision: Option<Vision>,
    /// Files that should be photos or videos and could not be read.
    pub unreadable: Vec<Unreadable>,
    /// Folders that are away.
    pub offline: Vec<Offline>,
    /// Where the library is mounted.
    pub mount: Option<String>,
    /// Where the web gallery answers. Null: this release has none.
    pub url: Option<String>,
    /// The data folder.
    pub data: String,
    /// The watched folders.
    pub roots: Vec<Root>,
    /// What happened that the user should know, in sentences.
    pub notes: Vec<String>,
    /// The process that has the library open; null when no daemon runs.
    pub pid: Option<u32>,
    /// Since when, RFC 3339.
    pub since: Option<String>,
    /// Who this library is.
    pub library: String,
    /// Of the program and of what it stores.
    pub versions: BTreeMap<String, String>,
}

/// What the daemon is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// No daemon: this is what the library knew when one last ran.
    Stopped,
    /// Looking through the folders for what changed.
    Scanning,
    /// Reading files, or taking them into the text index.
    Indexing,
    /// All that was found is indexed.
    Ready,
    /// On its way out.
    Stopping,
}

/// What the daemon has done since it started.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Busy {
    /// Files waiting to be looked at.
    pub waiting: u64,
    /// Files read.
    pub read: u64,
    /// Files found as they were.
    pub unchanged: u64,
    /// Files found under another name.
    pub moved: u64,
    /// Files that could not be read.
    pub unreadable: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Files a second, lately.
    pub rate: f64,
}

/// One thing that is made of every picture.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Stage {
    /// Made since the daemon started.
    pub done: u64,
    /// A second, lately.
    pub rate: f64,
}

/// What pictures are looked at with.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Vision {
    /// The ONNX Runtime in use.
    pub runtime: Option<String>,
    /// What computes: `cuda`, `openvino`, `cpu`.
    pub provider: Option<String>,
    /// Why faster ones do not, in sentences.
    pub refused: Vec<String>,
    /// The model that understands words and pictures.
    pub clip: Option<String>,
    /// The model that search goes by until `clip` has seen every picture.
    #[serde(default)]
    pub meanwhile: Option<String>,
    /// The models that know faces.
    pub faces: Option<String>,
    /// Servers that are asked first: how each is (`not asked yet`, `well`, or what went wrong), by address.
    #[serde(default)]
    pub servers: BTreeMap<String, String>,
    /// Photos still to be looked at.
    pub waiting: u64,
    /// What is missing, with the command that mends it.
    pub missing: Vec<String>,
}

/// A file that could not be read.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Unreadable {
    /// Where.
    pub path: String,
    /// The same without loss, when the name is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_raw: Option<String>,
    /// Why, in words.
    pub reason: String,
}

/// A folder that is away: hidden, nothing forgotten.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Offline {
    /// Which.
    pub path: String,
    /// Why we think so.
    pub reason: String,
    /// Since when, RFC 3339.
    pub since: String,
}

/// A watched folder.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Root {
    /// Where.
    pub path: String,
    /// Its name under `folders/`.
    pub name: String,
    /// How changes are noticed: `inotify`, `scan`, `inotify+scan` (out of watches), `away`, `starting`; null when no
    /// daemon runs.
    pub watch: Option<String>,
    /// Why it is not watched by inotify, and what would change that.
    pub reason: Option<String>,
}

/// How far the work is: the part of a [`Status`] that costs nothing to ask for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Activity {
    /// What is going on.
    pub state: State,
    /// Work still to run.
    pub pending: u64,
    /// How the indexing goes.
    pub busy: Busy,
    /// Photos that are still to be looked at, and how many a second are.
    pub looking: (u64, f64),
}

impl Activity {
    /// Whether all that was found is indexed.
    pub fn is_settled(&self) -> bool {
        self.state == State::Ready && self.pending == 0
    }
}

impl From<&Status> for Activity {
    fn from(status: &Status) -> Self {
        let waiting = status.vision.as_ref().map_or(0, |vision| vision.waiting);
        let rates = status.stages.iter().flat_map(BTreeMap::values).map(|stage| stage.rate);
        Self {
            state: status.state,
            pending: status.pending,
            busy: status.busy.unwrap_or_default(),
            looking: (waiting, rates.fold(0.0, f64::max)),
        }
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Stopped => "not running",
            Self::Scanning => "looking through the folders",
            Self::Indexing => "indexing",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
        }
    }
}

/// More of these than this are counted rather than listed for people.
const LISTED: usize = 20;

impl Status {
    /// The page a person reads.
    pub fn page(&self) -> String {
        let mut table = Table::default();
        let mut line = |name: &str, value: String| table.row([name.to_owned(), value]);
        line("State", self.state_words());
        line("Photos", self.photos());
        if self.missing > 0 {
            line("Missing", format!("{} whose files are not there now", text::count(self.missing)));
        }
        if self.pending > 0 {
            line("Waiting", format!("{} still to index", text::count(self.pending)));
        }
        if let Some(vision) = &self.vision {
            line("Looking", vision.words());
            if let Some(meanwhile) = &vision.meanwhile {
                line("", format!("search goes by {meanwhile} until every picture is seen"));
            }
            for (at, (url, state)) in vision.servers.iter().enumerate() {
                line(
                    if at == 0 { "Servers" } else { "" },
                    format!("{}  ({})", text::safe(url), text::safe(state)),
                );
            }
        }
        line("Mounted", self.mount.as_deref().map_or_else(|| "no".into(), text::safe));
        for (at, root) in self.roots.iter().enumerate() {
            line(if at == 0 { "Watching" } else { "" }, root.words());
        }
        line("Data", text::safe(&self.data));
        let mut page = table.to_string();
        section(
            &mut page,
            "Away",
            self.offline.iter().map(|away| [text::safe(&away.path), away.reason.clone()]),
        );
        section(
            &mut page,
            "Cannot be read",
            self.unreadable.iter().map(|file| [text::safe(&file.path), text::safe(&file.reason)]),
        );
        for note in self.notes.iter().chain(self.vision.iter().flat_map(|vision| &vision.missing)) {
            page.push_str(&format!("\nNote: {}\n", text::safe(note)));
        }
        page
    }

    fn state_words(&self) -> String {
        let state = self.state.word();
        self.pid.map_or_else(|| state.to_owned(), |pid| format!("{state} (process {pid})"))
    }

    fn photos(&self) -> String {
        match self.assets {
            0 => "none yet".to_owned(),
            _ => format!(
                "{} ({}, {}, {})",
                text::count(self.assets),
                text::plural(self.images, "picture", "pictures"),
                text::plural(self.videos, "video", "videos"),
                text::bytes(self.bytes)
            ),
        }
    }
}

impl Vision {
    fn words(&self) -> String {
        let models: Vec<&str> = [&self.clip, &self.faces].into_iter().flatten().map(String::as_str).collect();
        match &self.provider {
            _ if models.is_empty() => "with no model: thumbnails only".to_owned(),
            Some(provider) => format!("with {} on {provider}", models.join(" and ")),
            None => format!("with {}", models.join(" and ")),
        }
    }
}

impl Root {
    fn words(&self) -> String {
        let path = text::safe(&self.path);
        let how = match self.watch.as_deref() {
            Some("scan" | "inotify+scan") => Some("looked through from time to time"),
            Some("away") => Some("away"),
            _ => None,
        };
        match (how, &self.reason) {
            (Some(how), Some(reason)) => format!("{path}  ({how}: {reason})"),
            (Some(how), None) => format!("{path}  ({how})"),
            (None, Some(reason)) => format!("{path}  ({reason})"),
            (None, None) => path,
        }
    }
}

fn section(page: &mut String, title: &str, rows: impl ExactSizeIterator<Item = [String; 2]>) {
    let all = rows.len();
    if all == 0 {
        return;
    }
    page.push_str(&format!("\n{title} ({}):\n", text::count(all as u64)));
    let mut table = Table::default();
    for [first, second] in rows.take(LISTED) {
        table.row([format!("  {first}"), second]);
    }
    page.push_str(&table.to_string());
    if all > LISTED {
        page.push_str(&format!(
            "  and {} more: galleryfs status --json\n",
            text::count((all - LISTED) as u64)
        ));
    }
}
