//! How well galleryfs reads real files, against what exiftool reads: a table, and every miss.
//!
//! `cargo run --release -p galleryfs-media --example accuracy -- DIR...`; each folder holds an `expected.json` as
//! `exiftool -json -n` prints it. Ends with 1 when a threshold is missed, 2 when a folder cannot be read.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program for people

mod compare;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        folders = compare::usual_folders();
    }
    let mut report = compare::Report::default();
    for folder in &folders {
        if let Err(error) = report.compare(folder) {
            eprintln!("{}: {error}", folder.display());
            return ExitCode::from(2);
        }
    }
    println!("{report}");
    if report.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
