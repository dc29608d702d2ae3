//! The models, and what computes with them.

use vision::models::{ModelFolder, Task};

use super::Finding;
use crate::config::Settings;
use crate::seeing::{Chosen, SeeingOptions};

/// Whether there is a runtime that loads.
pub(super) fn runtime(settings: &Settings) -> Finding {
    const ABOUT: &str = "ONNX Runtime, which computes with the models";
    let options = settings.seeing();
    let prober = match SeeingOptions::prober() {
        Ok(prober) => prober,
        Err(error) => return Finding::worth(ABOUT, error.to_string(), "start galleryfs by its whole path"),
    };
    match vision::runtime::find(&options.search(), &prober) {
        Ok(found) => Finding::good(ABOUT, format!("{} in {}", found.version, found.path.display())),
        Err(_) if !options.servers.is_empty() => {
            Finding::good(ABOUT, "none, and servers are named".to_owned())
        }
        Err(error) => Finding::worth(ABOUT, error.to_string(), "galleryfs runtime pull"),
    }
}

/// Whether there is a model for words and pictures, and one for faces.
pub(super) fn models(settings: &Settings) -> Vec<Finding> {
    let options = settings.seeing();
    let installed = ModelFolder::new(&options.models).installed().unwrap_or_default();
    let chosen = Chosen::read(&options.data);
    let servers = options.servers.join(", ");
    let look = |task, about: &str, pull: &str| match chosen.pick(&installed, task) {
        Some(model) => Finding::good(about, model.name.to_string()),
        None if !servers.is_empty() => Finding::good(about, format!("left to {servers}")),
        None => Finding::worth(about, format!("none in {}", options.models.display()), pull),
    };
    vec![
        look(Task::Clip, "a model that understands pictures", "galleryfs models pull ViT-B-32__openai"),
        look(Task::FacialRecognition, "a model that knows faces", "galleryfs models pull buffalo_l"),
    ]
}
