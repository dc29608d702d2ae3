//! Models that are not what they should be: clear errors, naming the file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};

use vision::ModelError;
use vision::clip::{Textual, Visual};
use vision::faces::{Faces, Recogniser};
use vision::models::{ModelFolder, ModelName, Task, check};

/// A copy of the models beside the repository, to be damaged.
fn models() -> (tempfile::TempDir, ModelFolder, ModelName) {
    let shared = support::shared();
    let folder = tempfile::tempdir().unwrap();
    copy(&shared.join("models"), folder.path());
    let models = ModelFolder::new(folder.path());
    (folder, models, "standin".parse().unwrap())
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let into = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&into).unwrap();
            copy(&entry.path(), &into);
        } else {
            // Read and written, not copied: the originals may be read-only.
            std::fs::write(into, std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

#[test]
fn models_that_are_there_pass_their_check() {
    let (_folder, models, _) = models();
    let engine = support::engine();
    let checked: Vec<_> = models
        .installed()
        .unwrap()
        .iter()
        .map(|installed| (installed.task, check(&engine, installed).unwrap().width))
        .collect();
    assert_eq!(checked, [(Task::Clip, 512), (Task::FacialRecognition, 128)]);
}

#[test]
fn a_truncated_graph_is_named() {
    let (_folder, models, name) = models();
    let engine = support::engine();
    for keep in [0, 1, 1000, 1_000_000] {
        let path = models.clip(&name).visual();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..keep.min(whole.len() - 1)]).unwrap();
        let error = Visual::open(&engine, &models.clip(&name)).err().unwrap();
        // A graph cut at a field may even load: then it has no outputs to speak of.
        assert!(
            matches!(&error, ModelError::Graph { path: named, .. } | ModelError::Interface { path: named, .. }
            if *named == path),
            "{keep}: {error}"
        );
        std::fs::write(&path, whole).unwrap();
    }
}

#[test]
fn a_file_that_is_no_graph_is_named() {
    let (_folder, models, name) = models();
    let engine = support::engine();
    std::fs::write(models.faces(&name).detection(), b"<html>Not found</html>").unwrap();
    let error = Faces::open(&engine, &models.faces(&name)).err().unwrap().to_string();
    assert!(error.contains("detection/model.onnx"), "{error}");
    std::fs::remove_file(models.faces(&name).recognition()).unwrap();
    assert!(matches!(Recogniser::open(&engine, &models.faces(&name)), Err(ModelError::Unreadable { .. })));
}

#[test]
fn swapped_graphs_are_told_from_what_they_should_be() {
    let (_folder, models, name) = models();
    let engine = support::engine();
    let (clip, faces) = (models.clip(&name), models.faces(&name));
    let swap = |one: &Path, other: &Path| {
        let aside = one.with_extension("aside");
        std::fs::rename(one, &aside).unwrap();
        std::fs::rename(other, one).unwrap();
        std::fs::rename(aside, other).unwrap();
    };
    swap(&clip.visual(), &clip.textual());
    for error in [Visual::open(&engine, &clip).err().unwrap(), Textual::open(&engine, &clip).err().unwrap()] {
        assert!(matches!(error, ModelError::Interface { .. }), "{error}");
    }
    swap(&faces.detection(), &faces.recognition());
    let error = Faces::open(&engine, &faces).err().unwrap();
    assert!(matches!(error, ModelError::Interface { .. }), "{error}");
    let error = Recogniser::open(&engine, &faces).err().unwrap();
    assert!(matches!(error, ModelError::Interface { .. }), "{error}");
}

#[test]
fn configurations_that_do_not_fit_are_named() {
    let (_folder, models, name) = models();
    let engine = support::engine();
    let clip = models.clip(&name);
    let damage = |path: PathBuf, from: &str, to: &str, opens: &dyn Fn() -> Option<ModelError>| {
        let whole = std::fs::read_to_string(&path).unwrap();
        assert!(whole.contains(from), "{from}");
        std::fs::write(&path, whole.replace(from, to)).unwrap();
        let error = opens().unwrap_or_else(|| panic!("{} was taken with {to}", path.display())).to_string();
        assert!(
            error.contains(path.file_name().unwrap().to_str().unwrap()) || error.contains("model.onnx"),
            "{error}"
        );
        std::fs::write(&path, whole).unwrap();
    };
    let visual = || Visual::open(&engine, &clip).err();
    let textual = || Textual::open(&engine, &clip).err();
    damage(clip.preprocessing(), "224", "384", &visual);
    damage(clip.preprocessing(), "\"mean\"", "\"meant\"", &visual);
    damage(clip.config(), "\"context_length\": 77", "\"context_length\": 64", &textual);
    damage(clip.config(), "\"embed_dim\": 512", "\"embed_dim\": 768", &textual);
    damage(clip.tokenizer_config(), "\"pad_token\": \"<|endoftext|>\"", "\"pad_token\": \"<pad>\"", &textual);
    damage(clip.tokenizer(), "\"type\": \"BPE\"", "\"type\": \"BPX\"", &textual);
    assert!(visual().is_none() && textual().is_none());
}
