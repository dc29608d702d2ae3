//! How right the program is about what it sees: people as they are clustered while photos arrive in any order, and words
//! that find something only where there is something. `make accuracy`.
//!
//! Drives the real program over `shared` beside the repository (or `GALLERYFS_SHARED`). Ends with 1 when a threshold is
//! missed.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "it is a program")]

#[path = "../../../library/examples/meaning_accuracy/ordinary.rs"]
#[allow(dead_code, reason = "the less ordinary ones are for another program")]
mod ordinary;
mod people;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use galleryfs_tests::Site;

fn main() -> ExitCode {
    let right = people::measure() & words::measure();
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn shared() -> PathBuf {
    std::env::var_os("GALLERYFS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from)
}

/// A site that has the models and the runtime, and no photos yet.
fn site() -> Site {
    let site = Site::default();
    let pulled = site.ask(&["runtime", "pull", "cpu"]);
    assert_eq!(pulled.code, Some(0), "{}", pulled.err);
    std::os::unix::fs::symlink(shared().join("models"), site.data().join("models")).unwrap();
    site
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        folder.read_dir().expect("../shared").map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A line that says a figure and what it must reach.
fn told(what: &str, figure: f64, least: f64) -> bool {
    let right = figure >= least;
    println!("  {what:<48} {figure:.3}  {}", if right { "ok" } else { "MISSED" });
    right
}
