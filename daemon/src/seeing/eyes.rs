//! What there is to see with: the models that are there and can run, the servers that were named, and why others cannot.
//!
//! A model that was chosen anew has to look at every picture again, which takes hours. Until it has, search goes on with
//! the one before ([`Eyes::meanwhile`]); [`InUse`] remembers across starts which that is.

mod clip;
mod face_vectors;
mod faces;
mod in_use;
mod words;

use std::sync::Arc;

use anyhow::Result;
use library::Library;
use library::vectors::ModelName;
use media::pixels::Picture;
use vision::models::offered::{DEFAULT_CLIP, DEFAULT_FACES};
use vision::models::{ClipModel, Installed, ModelFolder, Task};
use vision::remote::{RemoteOptions, Server, Servers, or_here};
use vision::{Engine, InferenceError, Pixels};

pub(super) use self::clip::{ClipEye, Searched};
pub(super) use self::faces::FacesEye;
pub(super) use self::in_use::InUse;

use super::SeeingOptions;
use super::chosen::Chosen;
use super::courtesy::Courtesy;

/// The models at hand. Without any, thumbnails are made all the same.
#[derive(Clone, Default)]
pub(super) struct Eyes {
    pub(super) clip: Option<Arc<ClipEye>>,
    /// What is searched until [`Self::clip`] has seen every picture.
    pub(super) meanwhile: Option<Arc<Searched>>,
    pub(super) faces: Option<Arc<FacesEye>>,
    pub(super) servers: Option<Arc<Servers>>,
    /// It stays for the life of the process: ONNX Runtime cannot be unloaded.
    engine: Option<Engine>,
    pub(super) report: EyesReport,
    /// Something is missing only because no server answered: it is worth asking again.
    pub(super) unreached: bool,
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
    /// The one that is searched until that has seen every picture.
    pub meanwhile: Option<String>,
    /// The models that know faces.
    pub faces: Option<String>,
    /// What is missing, with the command that mends it; each once.
    pub missing: Vec<String>,
}

/// Reads the preview of a picture, for a server.
pub(super) type Preview<'a> = dyn Fn() -> Result<Vec<u8>, InferenceError> + 'a;

/// What eyes are opened from.
struct Sources<'a> {
    library: &'a Arc<Library>,
    folder: ModelFolder,
    installed: Vec<Installed>,
    engine: Option<&'a Engine>,
    servers: Option<&'a Arc<Servers>>,
    courtesy: Arc<Courtesy>,
}

impl Sources<'_> {
    /// The model if it lies here and can be run, or an error where there is no server to do without it.
    fn here<T>(
        &self,
        model: &ModelName,
        open: impl FnOnce(&Engine, &ClipModel) -> Result<T>,
    ) -> Result<Option<T>> {
        let Some(engine) = self.engine.filter(|_| self.has(Task::Clip, model)) else { return Ok(None) };
        let files = self.folder.clip(&model.as_str().parse()?);
        self.or_servers(model, open(engine, &files))
    }

    /// What did not open here is left to the servers, if there are any.
    fn or_servers<T>(&self, model: &ModelName, opened: Result<T>) -> Result<Option<T>> {
        match opened {
            Err(error) if self.servers.is_some() => {
                tracing::warn!("the model {model} cannot be used here: {error:#}");
                Ok(None)
            }
            opened => opened.map(Some),
        }
    }

    fn has(&self, task: Task, model: &ModelName) -> bool {
        let is = |one: &Installed| one.task == task && one.name.as_str() == model.as_str();
        self.installed.iter().any(|one| is(one) && one.missing.is_empty())
    }

    fn has_faces(&self, model: &ModelName) -> bool {
        self.has(Task::FacialRecognition, model)
    }
}

impl Eyes {
    /// Finds the runtime, the models and the servers, and proves that they run. What `before` has is kept where it is
    /// still wanted: of a model's embeddings only one may be open.
    pub(super) fn open(
        library: &Arc<Library>,
        options: &SeeingOptions,
        courtesy: &Arc<Courtesy>,
        before: &Self,
    ) -> Self {
        let folder = ModelFolder::new(&options.models);
        let installed = installed(&folder);
        let servers = before.servers.clone().or_else(|| servers(options));
        let mut eyes = Self { engine: before.engine.clone(), servers, ..Self::default() };
        let chosen = Chosen::read(&options.data);
        let wanted = |task, default: &str| {
            let anyway = || eyes.servers.as_ref().map(|_| chosen.name(task).unwrap_or(default).to_owned());
            chosen.pick(&installed, task).map(|model| model.name.to_string()).or_else(anyway)
        };
        let clip = wanted(Task::Clip, DEFAULT_CLIP);
        let faces = wanted(Task::FacialRecognition, DEFAULT_FACES);
        if clip.is_none() {
            eyes.report.missing.push(format!(
                "There is no model that understands pictures, so search knows only words that are written down. \
                 `galleryfs models pull {DEFAULT_CLIP}` fetches one"
            ));
        }
        if faces.is_none() {
            eyes.report.missing.push(format!(
                "There is no model that knows faces, so people are found only where files name them. `galleryfs \
                 models pull {DEFAULT_FACES}` fetches one"
            ));
        }
        if clip.is_none() && faces.is_none() {
            return eyes;
        }
        if eyes.engine.is_none() && !installed.is_empty() {
            match options.engine() {
                Ok(engine) => eyes.engine = Some(engine),
                Err(error) if eyes.servers.is_some() => {
                    tracing::info!("only servers can be asked: {error:#}");
                }
                Err(error) => {
                    eyes.report.missing.push(format!("{error:#}"));
                    return eyes;
                }
            }
        }
        eyes.tell_of_engine();
        let engine = eyes.engine.clone();
        let servers = eyes.servers.clone();
        let sources = Sources {
            library,
            folder,
            installed,
            engine: engine.as_ref(),
            servers: servers.as_ref(),
            courtesy: Arc::clone(courtesy),
        };
        if let Some(name) = clip {
            if let Err(error) = eyes.open_clip(&sources, &name, before) {
                eyes.lacks(&name, &error);
            }
            // Also where the chosen one is broken: search keeps what it had.
            let old = InUse::read(&options.data).filter(|old| old.as_str() != name);
            old.into_iter().for_each(|old| eyes.open_meanwhile(&sources, &old, before));
        }
        if let Some(name) = faces
            && let Err(error) = eyes.open_faces(&sources, &name, before)
        {
            eyes.lacks(&name, &error);
        }
        eyes
    }

    /// Only what a search needs: the words, and what was seen. `None` where there is no model.
    pub(super) fn open_words(library: &Arc<Library>, options: &SeeingOptions) -> Result<Option<Searched>> {
        let folder = ModelFolder::new(&options.models);
        let installed = installed(&folder);
        let servers = servers(options);
        let chosen = Chosen::read(&options.data);
        let used = InUse::read(&options.data).map(|model| model.to_string());
        let picked = || chosen.pick(&installed, Task::Clip).map(|model| model.name.to_string());
        let Some(name) = used.or_else(picked) else { return Ok(None) };
        let engine = if installed.is_empty() { None } else { Some(options.engine()?) };
        let sources = Sources {
            library,
            folder,
            installed,
            engine: engine.as_ref(),
            servers: servers.as_ref(),
            courtesy: Arc::default(),
        };
        Searched::open(&sources, &ModelName::new(&name)?, None).map(Some)
    }

    /// What is searched now.
    pub(super) fn searched(&self) -> Option<&Arc<Searched>> {
        self.meanwhile.as_ref().or_else(|| self.clip.as_ref().map(|clip| &clip.searched))
    }

    /// The same with nothing in place of the model that was chosen: it has seen everything.
    pub(super) fn without_meanwhile(&self) -> Self {
        let report = EyesReport { meanwhile: None, ..self.report.clone() };
        Self { meanwhile: None, report, ..self.clone() }
    }

    /// How the servers are.
    pub(super) fn servers(&self) -> Vec<Server> {
        self.servers.as_ref().map(|servers| servers.states()).unwrap_or_default()
    }

    fn tell_of_engine(&mut self) {
        let Some(engine) = &self.engine else { return };
        let (runtime, choice) = (engine.runtime(), engine.choice());
        self.report.runtime = Some((runtime.path().display().to_string(), runtime.version().to_string()));
        self.report.provider = Some(choice.provider.to_string());
        let refused = choice.refused.iter();
        self.report.refused =
            refused.map(|refused| format!("{}: {}", refused.provider, refused.reason)).collect();
    }

    fn open_clip(&mut self, sources: &Sources<'_>, name: &str, before: &Self) -> Result<()> {
        let model = ModelName::new(name)?;
        let here = sources.engine.is_some() && sources.has(Task::Clip, &model);
        let same =
            before.clip.as_ref().filter(|clip| *clip.searched.model() == model && clip.is_here() == here);
        let clip = match same {
            Some(same) => Arc::clone(same),
            None => {
                let known = before.searched_of(&model).map(|searched| Arc::clone(&searched.pictures));
                Arc::new(ClipEye::open(sources, Arc::new(Searched::open(sources, &model, known)?))?)
            }
        };
        self.report.clip = Some(name.to_owned());
        self.clip = Some(clip);
        Ok(())
    }

    /// Has search go on with the model `old`, until the one that was chosen has seen every picture.
    fn open_meanwhile(&mut self, sources: &Sources<'_>, old: &ModelName, before: &Self) {
        let opened = match before.searched_of(old) {
            Some(searched) => Ok(searched),
            None => Searched::open(sources, old, None).map(Arc::new),
        };
        match opened {
            Ok(searched) if !searched.pictures.is_empty() => {
                tracing::info!(
                    "search goes on with {old} until every picture is seen by the model that was chosen"
                );
                self.report.meanwhile = Some(old.to_string());
                self.meanwhile = Some(searched);
            }
            Ok(_) => {}
            Err(error) => tracing::info!("{old}, which search went by, cannot be used: {error:#}"),
        }
    }

    fn open_faces(&mut self, sources: &Sources<'_>, name: &str, before: &Self) -> Result<()> {
        let model = ModelName::new(name)?;
        let here = sources.engine.is_some() && sources.has_faces(&model);
        let same = before.faces.as_ref().filter(|eye| *eye.model() == model && eye.is_here() == here);
        let eye = match same {
            Some(same) => Arc::clone(same),
            None => {
                let known = before.faces.as_ref().filter(|eye| *eye.model() == model);
                Arc::new(FacesEye::open(sources, &model, known.map(|eye| Arc::clone(&eye.vectors)))?)
            }
        };
        self.report.faces = Some(name.to_owned());
        self.faces = Some(eye);
        Ok(())
    }

    fn searched_of(&self, model: &ModelName) -> Option<Arc<Searched>> {
        let clip = self.clip.as_ref().map(|clip| &clip.searched);
        clip.into_iter().chain(&self.meanwhile).find(|searched| searched.model() == model).cloned()
    }

    /// Remembers why a model cannot be used, and whether that may pass by itself.
    fn lacks(&mut self, name: &str, error: &anyhow::Error) {
        let silent = matches!(error.downcast_ref(), Some(InferenceError::Remote { .. }));
        self.unreached |= silent;
        let after = if silent { ". They are asked again every minute" } else { "" };
        self.report.missing.push(format!("The model {name} cannot be used: {error:#}{after}"));
    }
}

fn installed(folder: &ModelFolder) -> Vec<Installed> {
    folder.installed().unwrap_or_else(|error| {
        tracing::debug!("{}: {error}", folder.path().display());
        Vec::new()
    })
}

fn servers(options: &SeeingOptions) -> Option<Arc<Servers>> {
    let named = !options.servers.is_empty();
    named.then(|| Arc::new(Servers::new(&options.servers, RemoteOptions::default())))
}

/// What one of the servers answers, or the model here when none does.
fn either<T>(
    servers: Option<&Servers>,
    ask: impl FnOnce(&Servers) -> Result<T, InferenceError>,
    here: Option<impl FnOnce() -> Result<T, InferenceError>>,
) -> Result<T, InferenceError> {
    let none = || Err(InferenceError::Remote { reason: "none is named".to_owned() });
    or_here(servers.map_or_else(none, ask), here)
}

fn pixels(picture: &Picture) -> Result<Pixels<'_>> {
    Ok(Pixels::new(picture.rgb(), picture.width(), picture.height())?)
}
