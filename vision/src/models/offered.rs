//! The models that are offered by name: a choice among those Immich's hub has. Any other of the hub can be pulled too.

use serde::Serialize;

use super::Task;

/// A model worth offering.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Offered {
    /// What it is for.
    pub task: Task,
    /// Its name on the hub.
    pub name: &'static str,
    /// What speaks for it, in a line.
    pub about: &'static str,
    /// The licence of its weights, as their authors state it.
    pub licence: &'static str,
}

/// What a new library begins with: the small CLIP model Immich begins with, and its faces.
pub const DEFAULT_CLIP: &str = "ViT-B-32__openai";
/// The faces a new library begins with.
pub const DEFAULT_FACES: &str = "buffalo_l";

/// The offer. Sizes are not written down: the hub says what a model weighs today.
pub const OFFERED: [Offered; 8] = [
    Offered { task: Task::Clip, name: DEFAULT_CLIP, about: "small and quick; English", licence: "MIT" },
    Offered {
        task: Task::Clip,
        name: "ViT-B-32__laion2b-s34b-b79k",
        about: "as quick, finds more; English",
        licence: "MIT",
    },
    Offered {
        task: Task::Clip,
        name: "ViT-B-16-SigLIP2__webli",
        about: "finds far more, needs twice the time and three times the memory; many languages",
        licence: "Apache-2.0",
    },
    Offered {
        task: Task::Clip,
        name: "ViT-SO400M-16-SigLIP2-384__webli",
        about: "finds most, for GPUs; many languages",
        licence: "Apache-2.0",
    },
    Offered {
        task: Task::Clip,
        name: "nllb-clip-large-siglip__v1",
        about: "the best beyond English, for GPUs; 200 languages",
        licence: "CC-BY-NC-4.0",
    },
    Offered {
        task: Task::FacialRecognition,
        name: DEFAULT_FACES,
        about: "the most accurate faces",
        licence: "InsightFace: non-commercial research only",
    },
    Offered {
        task: Task::FacialRecognition,
        name: "buffalo_m",
        about: "the same recogniser, a quicker detector",
        licence: "InsightFace: non-commercial research only",
    },
    Offered {
        task: Task::FacialRecognition,
        name: "buffalo_s",
        about: "small and quick faces",
        licence: "InsightFace: non-commercial research only",
    },
];
