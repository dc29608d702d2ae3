//! What the tests share: a runtime that is really there, and the models beside the repository.

#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::panic)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use vision::provider::{Provider, WantedProvider};
use vision::runtime::pull::{PipSettings, Source, pull};
use vision::runtime::{self, Found, Prober, Search};
use vision::{Engine, EngineOptions};

/// `shared` beside the repository, or where `GALLERYFS_SHARED` says.
pub fn shared() -> PathBuf {
    std::env::var_os("GALLERYFS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from)
}

/// The child process: this crate's own program for it.
pub fn prober() -> Prober {
    Prober::new(env!("CARGO_BIN_EXE_runtime-probe"), [""; 0])
}

/// Where this build keeps the runtimes that tests pulled: `target/onnxruntime/PROVIDER`.
pub fn runtimes(provider: Provider) -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_runtime-probe")).ancestors().nth(2).unwrap();
    target.join("onnxruntime").join(provider.as_str())
}

/// ONNX Runtime for `provider`, fetched by the product's own pull where this build has none yet. Tests in several
/// processes wait for one another.
pub fn runtime(provider: Provider) -> Found {
    let root = runtimes(provider);
    std::fs::create_dir_all(&root).unwrap();
    let lock = std::fs::File::create(root.join(".lock")).unwrap();
    lock.lock().unwrap();
    let search = Search { pulled: Some(root.join("lib")), ..Search::default() };
    runtime::find(&search, &prober()).unwrap_or_else(|_| {
        let index = Source::Index(PipSettings::of_this_machine());
        pull(provider, &index, &root, &mut |_, _| ControlFlow::Continue(())).unwrap_or_else(|error| {
            panic!("the tests need ONNX Runtime and could not pull it: {error}");
        });
        runtime::find(&search, &prober()).unwrap()
    })
}

/// An engine on the processor.
pub fn engine() -> Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE
        .get_or_init(|| {
            engine_with(EngineOptions {
                provider: WantedProvider::Only(Provider::Cpu),
                ..EngineOptions::default()
            })
        })
        .clone()
}

/// An engine on the processor with options of its own; the runtime is the one of this process.
pub fn engine_with(options: EngineOptions) -> Engine {
    Engine::open(&runtime(Provider::Cpu), prober(), options).unwrap()
}
