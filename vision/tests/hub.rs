//! Pulling models from a hub that breaks off, truncates, lies and never ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use galleryfs_tests::http::{Reply, Request, Server};
use galleryfs_tests::hub::listing;
use vision::download::{DownloadError, Progress};
use vision::models::hub::{Hub, HubError};
use vision::models::{ModelFolder, ModelName, PullError, Task, pull};

const FILES: [(&str, usize); 6] = [
    ("config.json", 200),
    ("visual/model.onnx", 3_000_000),
    ("visual/preprocess_cfg.json", 300),
    ("textual/model.onnx", 2_000_000),
    ("textual/tokenizer.json", 50_000),
    ("textual/tokenizer_config.json", 100),
];

fn name() -> ModelName {
    "ViT-B-32__openai".parse().unwrap()
}

fn content(path: &str, length: usize) -> Vec<u8> {
    let seed = path.len();
    (0..length).map(|at| ((at * 31 + seed * 7 + at / 251) % 256) as u8).collect()
}

fn files() -> BTreeMap<String, Vec<u8>> {
    FILES.iter().map(|(path, length)| ((*path).to_owned(), content(path, *length))).collect()
}

/// A hub with these files, whose answer to a file can be changed.
fn hub(change: impl Fn(&Request, &str, Vec<u8>) -> Reply + Send + Sync + 'static) -> Server {
    let files = files();
    Server::start(move |request| {
        if request.path == "/api/models/immich-app/ViT-B-32__openai/tree/main?recursive=true" {
            return Reply::Body("application/json", listing(&files));
        }
        let Some(path) = request.path.strip_prefix("/immich-app/ViT-B-32__openai/resolve/main/") else {
            return Reply::Status(404);
        };
        files.get(path).map_or(Reply::Status(404), |content| change(request, path, content.clone()))
    })
}

fn run(server: &Server, models: &ModelFolder) -> Result<vision::models::Pulled, PullError> {
    pull(&Hub::at(&server.url()), &name(), models, &mut |_| ControlFlow::Continue(()))
}

fn assert_whole(folder: &Path) {
    for (path, length) in FILES {
        assert!(std::fs::read(folder.join(path)).unwrap() == content(path, length), "{path}");
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 3, "nothing else is left there");
}

#[test]
fn a_model_comes_whole_with_its_progress() {
    let folder = tempfile::tempdir().unwrap();
    let models = ModelFolder::new(folder.path());
    let server = hub(|_, _, content| Reply::File(content));
    let total: usize = FILES.iter().map(|(_, length)| length).sum();
    let mut told: Vec<Progress> = Vec::new();
    let pulled = pull(&Hub::at(&server.url()), &name(), &models, &mut |progress| {
        told.push(progress);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!((pulled.task, pulled.bytes), (Task::Clip, total as u64));
    assert_whole(&pulled.path);
    assert!(
        told.is_sorted_by_key(|progress| progress.done)
            && told.iter().all(|one| one.total == Some(total as u64))
    );
    assert_eq!(models.installed().unwrap()[0].missing, [""; 0]);
}

#[test]
fn broken_lines_are_taken_up_where_they_broke() {
    let folder = tempfile::tempdir().unwrap();
    let models = ModelFolder::new(folder.path());
    let server = hub(|_, _, content| Reply::Cut(content, 700_000));
    assert_whole(&run(&server, &models).unwrap().path);
    let starts: Vec<_> = server
        .seen()
        .iter()
        .filter(|request| request.path.ends_with("visual/model.onnx"))
        .map(|request| request.from().unwrap_or(0))
        .collect();
    assert_eq!(starts.len(), 5, "{starts:?}");
    assert!(starts.is_sorted() && starts[4] > 2_000_000, "{starts:?}");
}

#[test]
fn a_line_that_brings_nothing_is_given_up_and_taken_up_later() {
    let folder = tempfile::tempdir().unwrap();
    let models = ModelFolder::new(folder.path());
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    // The first megabyte comes, and then nothing ever again.
    let server = hub(move |request, path, content| {
        if path == "textual/model.onnx" {
            counted.fetch_add(1, Ordering::SeqCst);
            return Reply::Cut(content, if request.from().is_none() { 1_000_000 } else { 0 });
        }
        Reply::File(content)
    });
    assert!(matches!(run(&server, &models), Err(PullError::Download(DownloadError::Broken { .. }))));
    assert!(sent.load(Ordering::SeqCst) < 10);
    assert_eq!(models.installed().unwrap(), [], "half a model is none");
    drop(server);
    let server = hub(|_, _, content| Reply::File(content));
    assert_whole(&run(&server, &models).unwrap().path);
    let asked = server.seen();
    let again = asked.iter().find(|request| request.path.ends_with("textual/model.onnx")).unwrap();
    assert_eq!(again.from(), Some(1_000_000));
    assert!(
        !asked.iter().any(|request| request.path.ends_with("/main/config.json")),
        "what was whole is not asked for again"
    );
}

#[test]
fn lies_are_found_out_and_what_was_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let models = ModelFolder::new(folder.path());
    let good = hub(|_, _, content| Reply::File(content));
    let place = run(&good, &models).unwrap().path;
    // Each lie about one file.
    type Lie = fn(Vec<u8>) -> Reply;
    let lies: [(&str, Lie); 5] = [
        ("visual/model.onnx", |mut content| {
            content[1_500_000] ^= 1;
            Reply::File(content)
        }),
        ("config.json", |mut content| {
            content[7] ^= 1;
            Reply::File(content)
        }),
        ("textual/model.onnx", |mut content| {
            content.truncate(1_000_000);
            Reply::File(content)
        }),
        ("textual/tokenizer.json", |_| Reply::Endless),
        ("visual/preprocess_cfg.json", |_| Reply::Status(403)),
    ];
    for (lied_about, lie) in lies {
        let server =
            hub(move |_, path, content| if path == lied_about { lie(content) } else { Reply::File(content) });
        let error = run(&server, &models).unwrap_err();
        assert!(error.to_string().contains(lied_about), "{error}");
        assert_whole(&place);
        // What came whole would not be asked for again, and the next lie not be told.
        std::fs::remove_dir_all(folder.path().join("clip/.pulling-ViT-B-32__openai")).unwrap();
    }
    // And the truth in the end.
    assert_whole(&run(&good, &models).unwrap().path);
    let left: Vec<_> = std::fs::read_dir(folder.path().join("clip"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["ViT-B-32__openai"]);
}

#[test]
fn a_server_without_ranges_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let models = ModelFolder::new(folder.path());
    let broken = Mutex::new(false);
    let server = hub(move |request, path, content| {
        if path == "visual/model.onnx" && !std::mem::replace(&mut *broken.lock().unwrap(), true) {
            assert_eq!(request.from(), None);
            return Reply::Cut(content, 1_000_000);
        }
        Reply::Body("application/octet-stream", content)
    });
    assert_whole(&run(&server, &models).unwrap().path);
}

#[test]
fn a_pull_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let models = ModelFolder::new(folder.path());
    let server = hub(|_, _, content| Reply::File(content));
    let stop = &mut |progress: Progress| {
        if progress.done > 1_000_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = pull(&Hub::at(&server.url()), &name(), &models, stop);
    assert!(matches!(stopped, Err(PullError::Download(DownloadError::Stopped))));
    assert_eq!(models.installed().unwrap(), []);
    assert_whole(&run(&server, &models).unwrap().path);
}

#[test]
fn a_hub_that_talks_nonsense_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let models = ModelFolder::new(folder.path());
    let nonsense = Server::start(|_| Reply::Body("application/json", b"[1, 2".to_vec()));
    assert!(matches!(run(&nonsense, &models), Err(PullError::Hub(HubError::Listing { .. }))));
    let endless = Server::start(|_| Reply::Endless);
    assert!(matches!(
        run(&endless, &models),
        Err(PullError::Hub(HubError::Download(DownloadError::TooLong { .. })))
    ));
    let empty = Server::start(|_| Reply::Body("application/json", b"[]".to_vec()));
    assert!(matches!(run(&empty, &models), Err(PullError::Hub(HubError::OtherModel { .. }))));
    let absent = Server::start(|_| Reply::Status(401));
    let error = run(&absent, &models).unwrap_err().to_string();
    assert!(error.contains("401"), "{error}");
    assert!(!folder.path().join("clip").exists());
}
