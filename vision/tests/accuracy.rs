//! The thresholds of `make accuracy`, as tests, on the processor.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

#[path = "../examples/model_accuracy/golden.rs"]
mod golden;
#[path = "../examples/model_accuracy/groups.rs"]
mod groups;
#[path = "../examples/model_accuracy/retrieval.rs"]
mod retrieval;
#[path = "../examples/model_accuracy/samples.rs"]
mod samples;

use vision::clip::{Textual, Visual};
use vision::faces::Faces;
use vision::models::ModelFolder;

#[test]
fn results_are_those_of_the_reference_and_of_people() {
    let engine = support::engine();
    let shared = samples::shared();
    let models = ModelFolder::new(shared.join("models"));
    let name = "standin".parse().unwrap();
    let visual = Visual::open(&engine, &models.clip(&name)).unwrap();
    let textual = Textual::open(&engine, &models.clip(&name)).unwrap();
    let faces = Faces::open(&engine, &models.faces(&name)).unwrap();

    let golden = golden::compare(&shared, &visual, &textual, &faces).unwrap();
    println!("{} | {} | {} | {}", golden.pictures, golden.texts, golden.boxes, golden.faces);
    assert!(golden.passes(), "{} | {} | {} | {}", golden.pictures, golden.texts, golden.boxes, golden.faces);
    assert_eq!((golden.pictures.count, golden.texts.count, golden.boxes.count), (20, 7, 33));

    let groups = groups::measure(&shared, &faces).unwrap();
    assert_eq!((groups.found, groups.marked), (43, 43), "missed: {:?}, {} more", groups.missed, groups.more);

    let retrieval = retrieval::measure(&shared, &visual, &textual).unwrap();
    assert!(retrieval.passes(), "{:?} {:?}", retrieval.recall, retrieval.scenes);
    assert_eq!((retrieval.captions, retrieval.photos), (2500, 500));

    // Words the model does not know are told from words it knows.
    assert!(textual.embed("a dog in the snow").unwrap().is_some());
    for nothing in ["", "  ", "xylqvwz", "Фотография"] {
        assert!(textual.embed(nothing).unwrap().is_none(), "{nothing}");
    }
}
