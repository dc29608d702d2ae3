//! Models on disk, in the layout of Immich's hub, and how they get there.
//!
//! ```text
//! DIR/clip/NAME/config.json
//! DIR/clip/NAME/visual/{model.onnx,preprocess_cfg.json}
//! DIR/clip/NAME/textual/{model.onnx,tokenizer.json,tokenizer_config.json}
//! DIR/facial-recognition/NAME/{detection,recognition}/model.onnx
//! ```

pub mod check;
pub mod hub;
pub mod name;
pub mod offered;
pub mod pull;

use std::path::{Path, PathBuf};

pub use check::check;
pub use name::{BadModelName, ModelName};
pub use pull::{PullError, Pulled, pull};

/// What a model is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Pictures and texts in one space.
    Clip,
    /// Faces: found, and told apart.
    FacialRecognition,
}

impl Task {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Clip, Self::FacialRecognition];

    /// The folder its models lie in.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Clip => "clip",
            Self::FacialRecognition => "facial-recognition",
        }
    }

    /// The files without which it does not work.
    pub fn required(self) -> &'static [&'static str] {
        match self {
            Self::Clip => &[
                "config.json",
                "visual/model.onnx",
                "visual/preprocess_cfg.json",
                "textual/model.onnx",
                "textual/tokenizer.json",
                "textual/tokenizer_config.json",
            ],
            Self::FacialRecognition => &["detection/model.onnx", "recognition/model.onnx"],
        }
    }
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.folder())
    }
}

/// A folder of models: `--models DIR`.
#[derive(Clone, Debug)]
pub struct ModelFolder(PathBuf);

/// A model that lies in the folder.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Installed {
    /// What it is for.
    pub task: Task,
    /// What it is called.
    pub name: ModelName,
    /// Where it lies.
    pub path: PathBuf,
    /// Its files together.
    pub bytes: u64,
    /// Required files that are not there: it cannot be used.
    pub missing: Vec<&'static str>,
}

impl ModelFolder {
    /// The folder at `path`, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the model of that name lies, or would lie.
    pub fn place(&self, task: Task, name: &ModelName) -> PathBuf {
        self.0.join(task.folder()).join(name.as_str())
    }

    /// Every model in the folder, complete or not, in order of task and name.
    pub fn installed(&self) -> std::io::Result<Vec<Installed>> {
        let mut installed = Vec::new();
        for task in Task::ALL {
            let entries = match std::fs::read_dir(self.0.join(task.folder())) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let path = entry?.path();
                // Half-pulled models lie in folders whose names begin with a dot, which is no model's name.
                let Some(name) = path.file_name().and_then(|name| name.to_str()?.parse::<ModelName>().ok())
                else {
                    continue;
                };
                if !path.is_dir() {
                    continue;
                }
                let missing =
                    task.required().iter().copied().filter(|file| !path.join(file).is_file()).collect();
                let bytes = size(&path, 4);
                installed.push(Installed { task, name, path, bytes, missing });
            }
        }
        installed.sort_by(|one, other| (one.task, &one.name).cmp(&(other.task, &other.name)));
        Ok(installed)
    }

    /// The CLIP model of that name. Whether its files are there shows when it is opened.
    pub fn clip(&self, name: &ModelName) -> ClipModel {
        ClipModel { folder: self.place(Task::Clip, name) }
    }

    /// The face models of that name. Whether their files are there shows when they are opened.
    pub fn faces(&self, name: &ModelName) -> FaceModel {
        FaceModel { folder: self.place(Task::FacialRecognition, name) }
    }
}

/// The bytes of all files beneath `folder`, `depth` folders deep.
fn size(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => size(&entry.path(), depth - 1),
            Ok(_) => std::fs::metadata(entry.path()).map_or(0, |metadata| metadata.len()),
            Err(_) => 0,
        })
        .sum()
}

/// Where the files of a CLIP model lie.
#[derive(Clone, Debug)]
pub struct ClipModel {
    folder: PathBuf,
}

impl ClipModel {
    /// The model in this folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// What the whole is configured by.
    pub fn config(&self) -> PathBuf {
        self.folder.join("config.json")
    }

    /// The image tower.
    pub fn visual(&self) -> PathBuf {
        self.folder.join("visual/model.onnx")
    }

    /// How pictures are prepared for it.
    pub fn preprocessing(&self) -> PathBuf {
        self.folder.join("visual/preprocess_cfg.json")
    }

    /// The text tower.
    pub fn textual(&self) -> PathBuf {
        self.folder.join("textual/model.onnx")
    }

    /// How texts become tokens.
    pub fn tokenizer(&self) -> PathBuf {
        self.folder.join("textual/tokenizer.json")
    }

    /// Its special tokens.
    pub fn tokenizer_config(&self) -> PathBuf {
        self.folder.join("textual/tokenizer_config.json")
    }
}

/// Where the files of a pair of face models lie.
#[derive(Clone, Debug)]
pub struct FaceModel {
    folder: PathBuf,
}

impl FaceModel {
    /// The models in this folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// What finds faces.
    pub fn detection(&self) -> PathBuf {
        self.folder.join("detection/model.onnx")
    }

    /// What tells them apart.
    pub fn recognition(&self) -> PathBuf {
        self.folder.join("recognition/model.onnx")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let models = ModelFolder::new(folder.path());
        assert_eq!(models.installed().unwrap(), []);
        let name: ModelName = "ViT-B-32__openai".parse().unwrap();
        let place = models.place(Task::Clip, &name);
        for file in ["config.json", "visual/model.onnx", "textual/tokenizer.json"] {
            std::fs::create_dir_all(place.join(file).parent().unwrap()).unwrap();
            std::fs::write(place.join(file), [0; 10]).unwrap();
        }
        std::fs::create_dir(models.path().join("clip/.half")).unwrap();
        let installed = models.installed().unwrap();
        assert_eq!(installed.len(), 1);
        assert_eq!((installed[0].name.as_str(), installed[0].bytes), ("ViT-B-32__openai", 30));
        assert_eq!(
            installed[0].missing,
            ["visual/preprocess_cfg.json", "textual/model.onnx", "textual/tokenizer_config.json"]
        );
    }
}
