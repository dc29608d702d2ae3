//! Which of the installed models is used: `galleryfs models use NAME` writes it down.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vision::models::{Installed, ModelName, Task};

/// The models that the user chose, by name. What is not chosen is the first that is there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Chosen {
    /// For words and pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<String>,
    /// For faces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faces: Option<String>,
    /// The models were offered at a start, whatever the answer: once is enough.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub offered: bool,
}

impl Chosen {
    fn file(data: &Path) -> PathBuf {
        data.join("models.toml")
    }

    /// What was chosen for the library in `data`.
    pub fn read(data: &Path) -> Self {
        let file = Self::file(data);
        let Ok(text) = std::fs::read_to_string(&file) else { return Self::default() };
        toml::from_str(&text).unwrap_or_else(|error| {
            tracing::warn!("{}: {error}; the first models that are there are used", file.display());
            Self::default()
        })
    }

    /// Writes it down, all of it or nothing.
    pub fn write(&self, data: &Path) -> std::io::Result<()> {
        let text = toml::to_string(self).map_err(std::io::Error::other)?;
        let (file, fresh) = (Self::file(data), data.join("models.toml.new"));
        std::fs::write(&fresh, text)?;
        std::fs::File::open(&fresh)?.sync_all()?;
        std::fs::rename(fresh, file)
    }

    /// Chooses a model for what it does.
    pub fn choose(&mut self, task: Task, name: &ModelName) {
        let name = Some(name.to_string());
        match task {
            Task::Clip => self.clip = name,
            Task::FacialRecognition => self.faces = name,
        }
    }

    /// The name of the chosen one, installed or not.
    pub fn name(&self, task: Task) -> Option<&str> {
        match task {
            Task::Clip => self.clip.as_deref(),
            Task::FacialRecognition => self.faces.as_deref(),
        }
    }

    /// The one to use of those installed.
    pub fn pick<'a>(&self, installed: &'a [Installed], task: Task) -> Option<&'a Installed> {
        let mut fit = installed.iter().filter(|model| model.task == task && model.missing.is_empty());
        match self.name(task) {
            Some(name) => fit.find(|model| model.name.as_str() == name),
            None => fit.next(),
        }
    }
}
