//! A hub of models: what a repository holds, and where its files are.
//!
//! Hugging Face's interface: `GET /api/models/REPOSITORY/tree/main?recursive=true` lists files with their sizes and
//! checksums, `GET /REPOSITORY/resolve/main/PATH` gives one.

use std::ffi::OsString;

use serde::Deserialize;

use super::{ModelName, Task};
use crate::download::{Checksum, Client, DownloadError};

/// Whose repositories on the hub hold the models.
const OWNER: &str = "immich-app";
/// A listing of a model has twenty entries; this is room for thousands.
const MAX_LISTING: u64 = 4 << 20;
/// No model has as many files.
const MAX_FILES: usize = 200;
/// No model is as large.
const MAX_MODEL: u64 = 32 << 30;

/// Where models come from.
#[derive(Clone, Debug)]
pub struct Hub {
    endpoint: String,
    client: Client,
}

/// A file of a model on the hub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HubFile {
    /// Where it goes in the model's folder: `visual/model.onnx`.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// What it must be.
    pub checksum: Checksum,
}

/// A model on the hub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    /// What it is for.
    pub task: Task,
    /// What to fetch.
    pub files: Vec<HubFile>,
}

impl Listing {
    /// All files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Why the hub does not tell what a model is made of.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// It does not answer, or refuses: a repository that is not there is refused with 401 or 404.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The listing cannot be read.
    #[error("{repository}: the hub's answer makes no sense: {reason}")]
    Listing {
        /// The repository.
        repository: String,
        /// What is wrong.
        reason: String,
    },
    /// It is no model we can use.
    #[error("{repository}: neither a CLIP model nor a pair of face models")]
    OtherModel {
        /// The repository.
        repository: String,
    },
}

impl Hub {
    /// The hub at `HF_ENDPOINT`, or Hugging Face itself.
    pub fn from_environment(variable: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let endpoint = variable("HF_ENDPOINT").and_then(|endpoint| endpoint.into_string().ok());
        Self::at(
            endpoint.filter(|endpoint| !endpoint.is_empty()).as_deref().unwrap_or("https://huggingface.co"),
        )
    }

    /// The hub at an address.
    pub fn at(endpoint: &str) -> Self {
        Self { endpoint: endpoint.trim_end_matches('/').to_owned(), client: Client::new() }
    }

    /// What a model is made of: its files, those of other runtimes left out.
    pub fn list(&self, name: &ModelName) -> Result<Listing, HubError> {
        let repository = format!("{OWNER}/{name}");
        let url = format!("{}/api/models/{repository}/tree/main?recursive=true", self.endpoint);
        let page = self.client.page(&url, "application/json", MAX_LISTING)?;
        let files = parse(&page.body)
            .map_err(|reason| HubError::Listing { repository: repository.clone(), reason })?;
        let task = Task::ALL
            .into_iter()
            .find(|task| task.required().iter().all(|file| files.iter().any(|listed| listed.path == *file)))
            .ok_or(HubError::OtherModel { repository })?;
        Ok(Listing { task, files })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn address(&self, name: &ModelName, file: &HubFile) -> String {
        format!("{}/{OWNER}/{name}/resolve/main/{}", self.endpoint, file.path)
    }
}

/// Reads a listing: the files a model needs, with checked paths.
pub fn parse(json: &[u8]) -> Result<Vec<HubFile>, String> {
    #[derive(Deserialize)]
    struct Entry {
        r#type: String,
        path: String,
        #[serde(default)]
        size: u64,
        #[serde(default)]
        oid: String,
        lfs: Option<Lfs>,
    }
    #[derive(Deserialize)]
    struct Lfs {
        oid: String,
        size: u64,
    }
    let entries: Vec<Entry> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let mut files = Vec::new();
    let mut total = 0u64;
    for entry in entries {
        if entry.r#type != "file" || !wanted(&entry.path) {
            continue;
        }
        let (bytes, checksum) = match &entry.lfs {
            Some(lfs) => (lfs.size, Checksum::sha256(lfs.oid.trim_start_matches("sha256:"))),
            None => (entry.size, Checksum::git_blob(&entry.oid)),
        };
        let checksum = checksum.ok_or_else(|| format!("{}: no checksum", entry.path))?;
        total = total.saturating_add(bytes);
        files.push(HubFile { path: entry.path, bytes, checksum });
    }
    if files.len() > MAX_FILES || total > MAX_MODEL {
        return Err(format!("{} files of {total} bytes are no model", files.len()));
    }
    Ok(files)
}

/// Whether a path is a file of a model in ONNX: in the folder itself or one of the four beneath, with a harmless name,
/// and not for another runtime.
fn wanted(path: &str) -> bool {
    let harmless = |name: &str| {
        !name.is_empty()
            && name.len() <= 100
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            && !name.ends_with(".armnn")
            && !name.ends_with(".rknn")
    };
    match path.split_once('/') {
        None => path == "config.json",
        Some((folder, file)) => {
            matches!(folder, "visual" | "textual" | "detection" | "recognition") && harmless(file)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_runtimes_and_strange_paths_are_left_out() {
        let sha = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let git = "ce013625030ba8dba906f756967f9e9ca394464a";
        let entry =
            |path: &str| format!(r#"{{"type": "file", "path": "{path}", "size": 6, "oid": "{git}"}}"#);
        let json = format!(
            r#"[{}, {}, {}, {}, {}, {{"type": "directory", "path": "visual", "oid": "{git}"}},
                {{"type": "file", "path": "visual/model.onnx", "size": 130, "oid": "{git}", "lfs": {{"oid": "{sha}", "size": 7, "pointerSize": 130}}}}]"#,
            entry("config.json"),
            entry("README.md"),
            entry("visual/model.armnn"),
            entry("visual/rk3588/model.rknn"),
            entry("visual/../../x"),
        );
        let files = parse(json.as_bytes()).unwrap();
        let paths: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.bytes)).collect();
        assert_eq!(paths, [("config.json", 6), ("visual/model.onnx", 7)]);
        assert_eq!(files[1].checksum, Checksum::sha256(sha).unwrap());
        assert!(parse(br#"[{"type": "file", "path": "config.json", "size": 6, "oid": "xx"}]"#).is_err());
        assert!(parse(br#"{"error": "Repository not found"}"#).is_err());
    }
}
