//! Pulling a runtime from a package index on loopback, as pip would be configured with it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::ops::ControlFlow;

use galleryfs_tests::http::{Reply, Server};
use vision::download::{Checksum, DownloadError};
use vision::provider::Provider;
use vision::runtime::pull::{PipSettings, RuntimePullError, Source, pinned, pull};

/// A wheel with a library in it that is none.
fn wheel() -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("onnxruntime/capi/libonnxruntime.so.1.99.0", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(b"not really").unwrap();
    zip.finish().unwrap().into_inner()
}

fn settings(servers: &[&Server]) -> PipSettings {
    PipSettings {
        indexes: servers.iter().map(|server| format!("{}/simple/", server.url())).collect(),
        cert: None,
    }
}

#[test]
fn the_pinned_file_is_looked_for_in_every_index_and_its_checksum_decides() {
    let wanted = pinned::wheels(Provider::Cpu).unwrap()[0];
    let other = Server::start(|_| Reply::Body("text/html", b"<a href='x.whl'>x.whl</a>".to_vec()));
    let liar = Server::start(move |request| {
        if request.path == "/simple/onnxruntime/" {
            let page = serde_json::json!({"files": [{"filename": wanted.file, "url": "../../files/it"}]});
            return Reply::Body("application/vnd.pypi.simple.v1+json", serde_json::to_vec(&page).unwrap());
        }
        assert_eq!(request.path, "/files/it");
        Reply::Body("application/octet-stream", vec![0; usize::try_from(wanted.bytes).unwrap()])
    });
    let folder = tempfile::tempdir().unwrap();
    let run = |servers: &[&Server]| {
        pull(Provider::Cpu, &Source::Index(settings(servers)), folder.path(), &mut |file, _| {
            assert_eq!(file, wanted.file);
            ControlFlow::Continue(())
        })
    };
    let error = run(&[&other, &liar]).unwrap_err();
    assert!(matches!(error, RuntimePullError::Download(DownloadError::Checksum { .. })), "{error}");
    let error = run(&[&other]).unwrap_err();
    assert!(error.to_string().contains(wanted.file), "{error}");
    assert!(!folder.path().join("lib").exists());
}

#[test]
fn a_wheel_from_an_address_or_a_file_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_| Reply::File(wheel()));
    let url = format!("{}/files/onnxruntime-1.99.0.whl", server.url());
    let quiet = &mut |_: &str, _| ControlFlow::Continue(());
    let wrong = Checksum::Sha256([0; 32]);
    let error =
        pull(Provider::Cpu, &Source::Url(url.clone(), Some(wrong)), folder.path(), quiet).unwrap_err();
    assert!(matches!(error, RuntimePullError::Download(DownloadError::Checksum { .. })), "{error}");
    let pulled = pull(Provider::Cpu, &Source::Url(url, None), folder.path(), quiet).unwrap();
    assert_eq!(pulled.folder, folder.path().join("cpu-1.99.0"));

    let file = folder.path().join("mine.whl");
    std::fs::write(&file, wheel()).unwrap();
    let pulled = pull(Provider::OpenVino, &Source::File(file.clone()), folder.path(), quiet).unwrap();
    assert_eq!(pulled.folder, folder.path().join("openvino-1.99.0"));
    assert!(file.exists(), "what was given is not ours to remove");
    assert_eq!(std::fs::read(folder.path().join("lib/libonnxruntime.so.1.99.0")).unwrap(), b"not really");
}
