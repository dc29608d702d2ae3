//! Real photos of many makers, against what exiftool reads from them. `make accuracy` has the whole table; here it is
//! the way through the program that is tested: index, `list --json`, the mount.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use galleryfs_tests::{Site, folder};
use serde_json::Value;

fn samples() -> Option<PathBuf> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/photos");
    if samples.is_dir() {
        return Some(samples);
    }
    assert!(std::env::var_os("CI").is_none(), "the sample photos are missing: {}", samples.display());
    eprintln!("skipped: no {}", samples.display());
    None
}

fn copy(from: &Path, site: &Site) {
    let copied = Command::new("cp").arg("-r").arg(from).arg(site.photos()).status().unwrap();
    assert!(copied.success());
}

#[test]
fn cameras_are_read_as_exiftool_reads_them() {
    let Some(samples) = samples() else { return };
    let site = Site::default();
    copy(&samples.join("exif"), &site);
    site.index();
    let listed: BTreeMap<String, Value> = site
        .list()
        .into_iter()
        .flat_map(|asset| {
            let paths = asset["paths"].as_array().unwrap().clone();
            paths.into_iter().map(move |path| (path.as_str().unwrap().to_owned(), asset.clone()))
        })
        .collect();
    let expected: Vec<Value> =
        serde_json::from_slice(&std::fs::read(samples.join("exif/expected.json")).unwrap()).unwrap();
    let (mut right, mut all) = (0, 0);
    for file in &expected {
        let path = site.photos().join("exif").join(file["SourceFile"].as_str().unwrap());
        let Some(model) = file["Model"].as_str().filter(|model| !model.trim().is_empty()) else { continue };
        let Some(asset) = listed.get(path.to_str().unwrap()) else { continue };
        all += 1;
        if asset["model"].as_str().is_some_and(|read| read.trim() == model.trim()) {
            right += 1;
        } else {
            eprintln!("{}: {model:?}, read {}", path.display(), asset["model"]);
        }
    }
    assert!(all > 50, "only {all} of {} files have a model and are listed", expected.len());
    assert!(right * 100 >= all * 99, "{right} of {all} models are right");
}

#[test]
fn every_sample_is_in_the_mount_or_named() {
    let Some(samples) = samples() else { return };
    let site = Site::default();
    for part in ["formats", "takeout", "people"] {
        copy(&samples.join(part), &site);
    }
    let daemon = site.up();
    daemon.settle();
    let status = site.status().unwrap();
    assert_eq!(status["pending"], 0);
    let listed = site.listed_paths();
    let named: Vec<&str> =
        status["unreadable"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    let media = ["jpg", "jpeg", "heic", "avif", "jxl", "webp", "png", "mp4", "mov"];
    for path in
        folder::tree(site.photos()).into_iter().filter(|(_, entry)| !entry.is_dir).map(|(path, _)| path)
    {
        let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        if !extension.is_some_and(|extension| media.iter().any(|known| extension == *known)) {
            continue;
        }
        let path = site.photos().join(path);
        let known = listed.binary_search(&path).is_ok() || named.contains(&path.to_str().unwrap());
        assert!(known, "{} is neither listed nor named", path.display());
    }
    // What the mount shows is what lies in the folder.
    let shown = folder::contents(&site.mount().join("folders"));
    let originals: std::collections::BTreeSet<Vec<u8>> =
        folder::contents(site.photos()).into_values().collect();
    assert!(shown.len() >= status["assets"].as_u64().unwrap() as usize);
    assert!(shown.values().all(|bytes| originals.contains(bytes)), "the mount shows other bytes");
    assert!(daemon.stop().success());
}
