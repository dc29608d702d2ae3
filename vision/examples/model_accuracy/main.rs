//! How right the models' results are: against a reference pipeline, captions people wrote, and faces people marked.
//!
//! `cargo run --release -p galleryfs-vision --example model_accuracy [-- --provider openvino]`. Reads `shared` beside the
//! repository (or `GALLERYFS_SHARED`). Ends with 1 when a threshold is missed, 2 when something cannot be read.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program for people

mod golden;
mod groups;
mod retrieval;
mod samples;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use vision::clip::{Textual, Visual};
use vision::faces::Faces;
use vision::models::ModelFolder;
use vision::provider::{Provider, WantedProvider};
use vision::runtime::pull::{PipSettings, Source, pull};
use vision::runtime::{self, Prober, Search};
use vision::{Engine, EngineOptions};

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("runtime-probe") {
        return runtime::probe_main();
    }
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn measure() -> Result<bool, String> {
    let shared = samples::shared();
    let mut arguments = std::env::args().skip(1);
    let provider = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--provider"), Some(provider)) => provider.parse().map_err(|error| format!("{error}"))?,
        _ => WantedProvider::Auto,
    };
    let engine = engine(provider)?;
    println!(
        "ONNX Runtime {} on {}: {}",
        engine.runtime().version(),
        engine.choice().provider,
        engine.runtime().path().display()
    );
    for refused in &engine.choice().refused {
        println!("  not {}: {}", refused.provider, refused.reason);
    }
    let models = ModelFolder::new(shared.join("models"));
    let name = "standin".parse().map_err(|error| format!("{error}"))?;
    let text = |error: vision::ModelError| error.to_string();
    let visual = Visual::open(&engine, &models.clip(&name)).map_err(text)?;
    let textual = Textual::open(&engine, &models.clip(&name)).map_err(text)?;
    let faces = Faces::open(&engine, &models.faces(&name)).map_err(text)?;

    let golden = golden::compare(&shared, &visual, &textual, &faces)?;
    println!("against the reference:");
    println!("  pictures        {} (cosine, at least 0.995)", golden.pictures);
    println!("  texts           {} (cosine, at least 0.995)", golden.texts);
    println!("  face boxes      {} (overlap, at least 0.9)", golden.boxes);
    println!("  faces           {} (cosine, at least 0.99)", golden.faces);

    let groups = groups::measure(&shared, &faces)?;
    println!("faces of groups: {} of {} found, {} more", groups.found, groups.marked, groups.more);
    for missed in &groups.missed {
        println!("  missed: {missed}");
    }

    let retrieval = retrieval::measure(&shared, &visual, &textual)?;
    println!(
        "{} captions over {} photos: R@1 {:.3} (0.22), R@5 {:.3} (0.48), R@10 {:.3} (0.61)",
        retrieval.captions, retrieval.photos, retrieval.recall[0], retrieval.recall[1], retrieval.recall[2]
    );
    for (scene, precision) in &retrieval.scenes {
        println!("  \"{scene}\": P@10 {precision:.1} (1.0)");
    }
    Ok(golden.passes() && groups.found == groups.marked && groups.marked > 0 && retrieval.passes())
}

/// The runtime that the environment names, or the one this build keeps in `target/onnxruntime`, pulled where it is not
/// there yet.
fn engine(provider: WantedProvider) -> Result<Engine, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let program = std::env::current_exe().map_err(|error| text(&error))?;
    let prober = Prober::new(&program, ["runtime-probe"]);
    let flavour = if let WantedProvider::Only(provider) = provider { provider } else { Provider::Cpu };
    let target = program.ancestors().nth(3).map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let root = target.join("onnxruntime").join(flavour.as_str());
    let search = Search::from_environment(None, root.join("lib"), &|name| std::env::var_os(name));
    let found = match runtime::find(&search, &prober) {
        Ok(found) => found,
        Err(missing) => {
            eprintln!("{missing}: pulling it into {}", root.display());
            let index = Source::Index(PipSettings::of_this_machine());
            pull(flavour, &index, &root, &mut |_, _| ControlFlow::Continue(()))
                .map_err(|error| text(&error))?;
            runtime::find(&search, &prober).map_err(|error| text(&error))?
        }
    };
    let options = EngineOptions { provider, ..EngineOptions::default() };
    Engine::open(&found, prober, options).map_err(|error| text(&error))
}
