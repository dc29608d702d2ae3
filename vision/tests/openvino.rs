//! OpenVINO for real, on this processor: its own runtime, pulled as a user would. `make test-openvino`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use vision::clip::{Textual, Visual};
use vision::faces::Faces;
use vision::models::ModelFolder;
use vision::provider::{Provider, WantedProvider};
use vision::{Engine, EngineOptions};

#[path = "../examples/model_accuracy/golden.rs"]
mod golden;
#[path = "../examples/model_accuracy/samples.rs"]
mod samples;

#[test]
#[ignore = "pulls 84 MB: `make test-openvino`"]
fn openvino_is_proved_and_right() {
    let found = support::runtime(Provider::OpenVino);
    let options =
        EngineOptions { provider: WantedProvider::Only(Provider::OpenVino), ..EngineOptions::default() };
    let engine = Engine::open(&found, support::prober(), options).unwrap();
    assert_eq!(engine.choice().provider, Provider::OpenVino, "{:?}", engine.choice().refused);

    let shared = samples::shared();
    let models = ModelFolder::new(shared.join("models"));
    let name = "standin".parse().unwrap();
    let visual = Visual::open(&engine, &models.clip(&name)).unwrap();
    let textual = Textual::open(&engine, &models.clip(&name)).unwrap();
    let faces = Faces::open(&engine, &models.faces(&name)).unwrap();
    for (path, choice) in engine.models() {
        println!("{}: {} {:?}", path.display(), choice.provider, choice.refused);
    }
    assert_eq!(visual.provider(), Provider::OpenVino, "{:?}", engine.models());
    let golden = golden::compare(&shared, &visual, &textual, &faces).unwrap();
    println!("{} | {} | {} | {}", golden.pictures, golden.texts, golden.boxes, golden.faces);
    assert!(golden.passes());
}
