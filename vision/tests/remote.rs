//! Inference servers that answer, answer nonsense, hang, and never end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use galleryfs_tests::http::{Reply, Server};
use vision::InferenceError;
use vision::remote::{RemoteOptions, ServerState, Servers, or_here};

fn options() -> RemoteOptions {
    RemoteOptions {
        ping: Duration::from_secs(2),
        answer: Duration::from_secs(3),
        hurried: Duration::from_millis(300),
        rest: Duration::from_secs(3600),
    }
}

/// A server that answers as Immich's does.
fn good() -> Server {
    Server::start(|request| match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/ping") => Reply::Body("text/plain", b"pong".to_vec()),
        ("POST", "/predict") => {
            let body = String::from_utf8_lossy(&request.body);
            let answer = if body.contains("facial-recognition") {
                assert!(body.contains("\"minScore\":0.5") && body.contains("name=\"image\""), "{body}");
                r#"{"facial-recognition": [{"boundingBox": {"x1": 1, "y1": 2, "x2": 30, "y2": 40}, "embedding": "[0.0, 1.0]", "score": 0.8}], "imageHeight": 50, "imageWidth": 60}"#
            } else if body.contains("textual") {
                assert!(body.contains("a dog") && body.contains("\"modelName\":\"some\""), "{body}");
                r#"{"clip": "[3.0, 4.0]"}"#
            } else {
                r#"{"clip": "[4.0, 3.0]", "imageHeight": 1, "imageWidth": 1}"#
            };
            Reply::Body("application/json", answer.as_bytes().to_vec())
        }
        _ => Reply::Status(404),
    })
}

/// A server that is well until it is asked something.
fn answering(answer: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |request| {
        if request.path == "/ping" { Reply::Body("text/plain", b"pong".to_vec()) } else { answer() }
    })
}

#[test]
fn a_server_answers_pictures_texts_and_faces() {
    let server = good();
    let servers = Servers::new([server.url()], options());
    assert_eq!(servers.states()[0].state, ServerState::Unknown);
    assert_eq!(servers.text("some", "a dog").unwrap().as_slice(), [0.6, 0.8]);
    assert_eq!(servers.picture("some", &[0xff, 0xd8, 0, 13, 10]).unwrap().as_slice(), [0.8, 0.6]);
    let faces = servers.faces("buffalo_l", b"jpeg", 0.5).unwrap();
    assert_eq!((faces[0].score, faces[0].embedding.width()), (0.8, 2));
    assert_eq!(servers.states()[0].state, ServerState::Well);
    let pings = server.seen().iter().filter(|request| request.path == "/ping").count();
    assert_eq!(pings, 1, "a server that answers is not asked how it is");
}

#[test]
fn what_misbehaves_is_left_alone_and_another_asked() {
    let dead = {
        let server = good();
        server.url()
    };
    let nonsense = answering(|| Reply::Body("application/json", br#"{"clip": "moo"}"#.to_vec()));
    let page = answering(|| Reply::Body("text/html", b"<html>Welcome</html>".to_vec()));
    let failing = answering(|| Reply::Status(500));
    let hanging = answering(|| Reply::Silence);
    let mute = Server::start(|_| Reply::Silence);
    let stranger = Server::start(|_| Reply::Body("text/html", b"<html>".to_vec()));
    let bad = [&nonsense, &page, &failing, &hanging, &mute, &stranger];
    let well = good();
    let urls = std::iter::once(dead).chain(bad.iter().map(|server| server.url())).chain([well.url()]);
    let servers = Servers::new(urls, options());
    for _ in 0..3 {
        assert_eq!(servers.text("some", "a dog").unwrap().as_slice(), [0.6, 0.8]);
    }
    let failing =
        servers.states().iter().filter(|server| matches!(server.state, ServerState::Failing(_))).count();
    assert_eq!(failing, 7, "{:?}", servers.states());
    for server in bad {
        let asked = server.seen().iter().filter(|request| request.path == "/predict").count();
        assert!(asked <= 1, "asked again while it rests");
    }
}

/// A server that has much to do is no worse for it: but whoever waits does not wait for it again and again.
#[test]
fn who_waits_for_a_text_waits_once_and_not_for_long() {
    let slow = answering(|| Reply::Silence);
    let servers = Servers::new([slow.url()], options());
    let begun = Instant::now();
    for _ in 0..5 {
        assert!(matches!(servers.text_soon("some", "a dog"), Err(InferenceError::Remote { .. })));
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(servers.states()[0].state, ServerState::Unknown, "it did not fail");
    assert!(servers.picture("some", b"jpeg").is_err());
    let asked = slow.seen().iter().filter(|request| request.path == "/predict").count();
    assert_eq!(asked, 2, "once for a text, and for a picture all the same");
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let endless = answering(|| Reply::Endless);
    let servers = Servers::new([endless.url()], options());
    let error = servers.text("some", "a dog").unwrap_err();
    assert!(matches!(&error, InferenceError::Remote { .. }), "{error}");
}

#[test]
fn what_no_server_does_is_done_here() {
    let servers = Servers::new([""; 0], options());
    let remote = servers.text("some", "a dog");
    assert!(matches!(remote, Err(InferenceError::Remote { .. })));
    let here = || {
        servers
            .text("some", "a dog")
            .or_else(|_| library::Embedding::new(vec![1.0]).map_err(|_| InferenceError::Stopped))
    };
    assert_eq!(or_here(remote, Some(here)).unwrap().width(), 1);
    let nobody: Option<fn() -> Result<library::Embedding, InferenceError>> = None;
    assert!(or_here(servers.text("some", "a dog"), nobody).is_err());
}
