//! What there is to see with: the models that are there and can run, and why the others cannot.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use library::Library;
use library::vectors::{ModelName, VectorFile};
use vision::clip::{Textual, Visual};
use vision::models::{Installed, ModelFolder, Task};
use vision::{Engine, faces};

use super::SeeingOptions;
use super::chosen::Chosen;

/// The models at hand. Without any, thumbnails are made all the same.
#[derive(Default)]
pub(super) struct Eyes {
    pub(super) clip: Option<ClipEye>,
    pub(super) faces: Option<FacesEye>,
    pub(super) report: EyesReport,
}

/// Pictures to meaning.
pub(super) struct ClipEye {
    pub(super) visual: Visual,
    pub(super) pictures: Arc<library::pictures::Pictures>,
    pub(super) textual: Arc<Textual>,
    pub(super) model: ModelName,
}

/// Pictures to faces.
pub(super) struct FacesEye {
    pub(super) faces: faces::Faces,
    pub(super) vectors: Arc<VectorFile>,
    pub(super) model: String,
}

/// What `status` and `doctor` say of it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EyesReport {
    /// Path and version of ONNX Runtime.
    pub runtime: Option<(String, String)>,
    /// What computes: `cuda`, `openvino`, `cpu`.
    pub provider: Option<String>,
    /// Why faster ones do not.
    pub refused: Vec<String>,
    /// The model that understands words.
    pub clip: Option<String>,
    /// The models that know faces.
    pub faces: Option<String>,
    /// What is missing, with the command that mends it; each once.
    pub missing: Vec<String>,
}

impl Eyes {
    /// Finds the runtime and the models, and proves that they run.
    pub(super) fn open(library: &Arc<Library>, options: &SeeingOptions) -> Self {
        let mut eyes = Self::default();
        let folder = ModelFolder::new(&options.models);
        let installed = folder.installed().unwrap_or_else(|error| {
            tracing::debug!("{}: {error}", options.models.display());
            Vec::new()
        });
        let chosen = Chosen::read(&options.data);
        let clip = chosen.pick(&installed, Task::Clip);
        let known = chosen.pick(&installed, Task::FacialRecognition);
        if clip.is_none() {
            eyes.report.missing.push(
                "There is no model that understands pictures, so search knows only words that are written down. \
                 `galleryfs models pull ViT-B-32__openai` fetches one"
                    .into(),
            );
        }
        if known.is_none() {
            eyes.report.missing.push(
                "There is no model that knows faces, so people are found only where files name them. `galleryfs \
                 models pull buffalo_l` fetches one"
                    .into(),
            );
        }
        if clip.is_none() && known.is_none() {
            return eyes;
        }
        let engine = match options.engine() {
            Ok(engine) => engine,
            Err(error) => {
                eyes.report.missing.push(format!("{error:#}"));
                return eyes;
            }
        };
        let runtime = engine.runtime();
        eyes.report.runtime = Some((runtime.path().display().to_string(), runtime.version().to_string()));
        let choice = engine.choice();
        eyes.report.provider = Some(choice.provider.to_string());
        eyes.report.refused = choice
            .refused
            .iter()
            .map(|refused| format!("{}: {}", refused.provider, refused.reason))
            .collect();
        if let Some(model) = clip {
            match ClipEye::open(library, &folder, &engine, model) {
                Ok(eye) => {
                    eyes.report.clip = Some(model.name.to_string());
                    eyes.clip = Some(eye);
                }
                Err(error) => {
                    eyes.report.missing.push(format!("The model {} cannot be used: {error:#}", model.name));
                }
            }
        }
        if let Some(model) = known {
            match FacesEye::open(library, &folder, &engine, model) {
                Ok(eye) => {
                    eyes.report.faces = Some(model.name.to_string());
                    eyes.faces = Some(eye);
                }
                Err(error) => {
                    eyes.report.missing.push(format!("The model {} cannot be used: {error:#}", model.name));
                }
            }
        }
        eyes
    }
}

impl ClipEye {
    fn open(
        library: &Arc<Library>,
        folder: &ModelFolder,
        engine: &Engine,
        model: &Installed,
    ) -> Result<Self> {
        let files = folder.clip(&model.name);
        let visual = Visual::open(engine, &files)?;
        let textual = Arc::new(Textual::open(engine, &files)?);
        let name = ModelName::new(model.name.as_str())?;
        let pictures = library.open_pictures(&name, visual.width()).context("its embeddings")?;
        Ok(Self { visual, pictures, textual, model: name })
    }
}

impl FacesEye {
    fn open(
        library: &Arc<Library>,
        folder: &ModelFolder,
        engine: &Engine,
        model: &Installed,
    ) -> Result<Self> {
        let faces = faces::Faces::open(engine, &folder.faces(&model.name))?;
        let name = ModelName::new(model.name.as_str())?;
        let (vectors, _) = library.open_faces(&name, faces.width()).context("the embeddings of its faces")?;
        Ok(Self { faces, vectors: Arc::new(vectors), model: name.to_string() })
    }
}
