//! ONNX Runtime, ready to run models: which provider each runs on, and what they share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::ModelError;
use crate::provider::{Choice, Provider, WantedProvider};
use crate::runtime::search::Found;
use crate::runtime::{LoadError, Prober, Runtime, proof};
use crate::worker::{Model, Worker};

/// How models are run.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Which provider is asked for.
    pub provider: WantedProvider,
    /// Threads for all models together; 0 for one a core.
    pub threads: usize,
    /// After how long without work a model is put away, and its memory given back.
    pub idle: Duration,
    /// How many inputs may wait before a model.
    pub queue: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { provider: WantedProvider::Auto, threads: 0, idle: Duration::from_secs(300), queue: 64 }
    }
}

/// ONNX Runtime in this process with its options. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    runtime: Runtime,
    prober: Prober,
    options: EngineOptions,
    choice: Choice,
    models: Mutex<BTreeMap<PathBuf, Choice>>,
}

impl Engine {
    /// Loads the runtime that was found, and has the wanted providers prove themselves on a small model. That starts
    /// child processes and may take a minute where a provider compiles.
    pub fn open(found: &Found, prober: Prober, options: EngineOptions) -> Result<Self, LoadError> {
        let choice = proof::choose(&prober, &found.path, None, options.provider);
        let runtime = Runtime::load(found, options.threads)?;
        tracing::info!(
            version = %runtime.version(), path = %runtime.path().display(), provider = %choice.provider,
            "ONNX Runtime"
        );
        Ok(Self(Arc::new(Inner { runtime, prober, options, choice, models: Mutex::default() })))
    }

    /// The runtime.
    pub fn runtime(&self) -> &Runtime {
        &self.0.runtime
    }

    /// The provider that proved itself, and why not those before it.
    pub fn choice(&self) -> &Choice {
        &self.0.choice
    }

    /// What each model that was opened runs on, and why.
    pub fn models(&self) -> BTreeMap<PathBuf, Choice> {
        self.0.models.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The provider for a model: the engine's, if it proves itself on this model too, else the next. Some providers
    /// compute one model right and another wrong.
    pub(crate) fn provider_for(&self, model: &Path) -> Result<Provider, ModelError> {
        let unreadable = |source| ModelError::Unreadable { path: model.to_owned(), source };
        std::fs::metadata(model).map_err(unreadable)?;
        if let Some(choice) = self.0.models.lock().unwrap_or_else(PoisonError::into_inner).get(model) {
            return Ok(choice.provider);
        }
        let mut choice = self.0.choice.clone();
        if choice.provider != Provider::Cpu {
            let wanted = WantedProvider::Only(choice.provider);
            let proved = proof::choose(&self.0.prober, self.0.runtime.path(), Some(model), wanted);
            choice.refused.extend(proved.refused);
            choice.provider = proved.provider;
        }
        let provider = choice.provider;
        self.0.models.lock().unwrap_or_else(PoisonError::into_inner).insert(model.to_owned(), choice);
        Ok(provider)
    }

    pub(crate) fn environment(&self) -> &ort::environment::Environment {
        self.0.runtime.environment()
    }

    /// How many inputs a run takes at once: a processor gains nothing beyond a few, a GPU much.
    pub(crate) fn batch(provider: Provider) -> usize {
        match provider {
            Provider::Cuda => 32,
            Provider::OpenVino | Provider::Cpu => 4,
        }
    }

    /// Starts the worker of a model whose session was opened to read its interface.
    pub(crate) fn start<M>(
        &self,
        name: &str,
        path: &Path,
        model: M,
        session: M::Session,
    ) -> Result<Worker<M>, ModelError>
    where
        M: Model,
        M::Session: Send + 'static,
    {
        Worker::start(name, model, session, self.0.options.queue, self.0.options.idle)
            .map_err(|source| ModelError::Unreadable { path: path.to_owned(), source })
    }
}
