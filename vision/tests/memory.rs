//! A model that is not used is put away, and its memory given back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use vision::clip::Visual;
use vision::models::ModelFolder;
use vision::provider::{Provider, WantedProvider};
use vision::{EngineOptions, Pixels};

/// Memory that is nobody else's, in bytes.
fn anonymous() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn an_idle_model_gives_its_memory_back_and_works_again() {
    let provider = WantedProvider::Only(Provider::Cpu);
    let options = EngineOptions { provider, idle: Duration::from_secs(3), ..EngineOptions::default() };
    let engine = support::engine_with(options);
    let shared = support::shared();
    let files = ModelFolder::new(shared.join("models")).clip(&"standin".parse().unwrap());
    let size = std::fs::metadata(files.visual()).unwrap().len();
    let rgb = vec![77; 300 * 200 * 3];
    let picture = Pixels::new(&rgb, 300, 200).unwrap();

    let visual = Visual::open(&engine, &files).unwrap();
    let first = visual.embed(&[picture; 8]).unwrap();
    assert!(visual.is_loaded());
    let loaded = anonymous();
    while visual.is_loaded() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let idle = anonymous();
    println!("loaded {} MB, idle {} MB, the model {} MB", loaded >> 20, idle >> 20, size >> 20);
    assert!(
        idle + size <= loaded,
        "loaded {loaded}, idle {idle}: less than the {size} of the model came back"
    );

    let again = visual.embed(&[picture]).unwrap();
    assert!(again[0].cosine(&first[0]).unwrap() > 0.99999);
}
