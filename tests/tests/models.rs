//! Where models come from and go: offered at a first start, changed while the daemon runs, on other machines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

use galleryfs_tests::http::{Reply, Server};
use galleryfs_tests::{Site, Terminal, eventually, hub, until};
use serde_json::{Value, json};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/models")
}

/// Photos of people in the street, in parks, with dogs: so many of them.
fn scenes(site: &Site, count: usize) {
    let folder = models().join("../photos/flickr/images");
    let mut paths: Vec<_> = folder.read_dir().expect("../shared").map(|file| file.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().take(count) {
        site.put(path.file_name().unwrap().to_str().unwrap(), &std::fs::read(path).unwrap());
    }
}

fn up(site: &Site) -> Command {
    let (photos, mount) = (site.photos().to_str().unwrap(), site.mount().to_str().unwrap());
    site.command(&["up", "--photos", photos, "--mount", mount])
}

fn vision(site: &Site, field: &str) -> Value {
    site.status().map_or(Value::Null, |status| status["vision"][field].clone())
}

#[test]
fn a_first_start_offers_models_and_what_is_agreed_to_is_fetched_and_used() {
    let site = Site::default();
    scenes(&site, 12);
    let (clip, faces) = (models().join("clip/standin"), models().join("facial-recognition/standin"));
    let hub = hub::serving(&[("ViT-B-32__openai", &clip), ("buffalo_l", &faces)]);
    let mut terminal = Terminal::default();
    let mut command = up(&site);
    command.env("HF_ENDPOINT", hub.url());
    let daemon = site.start_in(&terminal, command);
    terminal.shows("[N]o: ");
    let offer = terminal.screen();
    for told in ["ViT-B-32__openai", "32 MB", "MIT", "buffalo_l", "6.7 MB", "non-commercial", "ONNX Runtime"]
    {
        assert!(offer.contains(told), "{told}: {offer}");
    }
    assert!(hub.seen().iter().all(|request| request.path.starts_with("/api/")), "nothing is fetched unasked");
    terminal.types("perhaps");
    terminal.shows("[N]o: perhaps");
    terminal.types("yes");
    daemon.wait_mounted();
    until("the models are there", || (vision(&site, "faces") == "buffalo_l").then_some(()));
    daemon.settle();
    assert_eq!(vision(&site, "clip"), "ViT-B-32__openai");
    let stages = site.status().unwrap()["stages"].clone();
    assert_eq!((&stages["meaning"]["done"], &stages["faces"]["done"]), (&json!(12), &json!(12)));
    daemon.stop();
    assert!(site.data().join("models/clip/ViT-B-32__openai/visual/model.onnx").is_file());
}

#[test]
fn who_said_no_is_not_asked_again() {
    let site = Site::default();
    scenes(&site, 1);
    let (clip, faces) = (models().join("clip/standin"), models().join("facial-recognition/standin"));
    let hub = hub::serving(&[("ViT-B-32__openai", &clip), ("buffalo_l", &faces)]);
    for asked in [true, false] {
        let mut terminal = Terminal::default();
        let mut command = up(&site);
        command.env("HF_ENDPOINT", hub.url());
        let daemon = site.start_in(&terminal, command);
        if asked {
            terminal.shows("[N]o: ");
            terminal.types("");
        }
        daemon.wait_mounted();
        daemon.settle();
        assert_eq!(terminal.screen().contains("Fetch them?"), asked);
        daemon.stop();
    }
    assert!(hub.seen().iter().all(|request| request.path.starts_with("/api/")));
    assert!(!site.data().join("models").exists());
}

#[test]
fn another_model_looks_at_everything_while_search_goes_on_with_the_old() {
    let site = Site::default();
    scenes(&site, 120);
    let pulled = site.ask(&["runtime", "pull", "cpu"]);
    assert_eq!(pulled.code, Some(0), "{}", pulled.err);
    let own = site.data().join("models/clip");
    std::fs::create_dir_all(&own).unwrap();
    std::os::unix::fs::symlink(models().join("clip/standin"), own.join("first")).unwrap();
    let daemon = site.up();
    daemon.settle();
    let found = site.ask(&["search", "--json", "snow"]).json();
    assert!(!found.is_empty());

    std::os::unix::fs::symlink(models().join("clip/standin"), own.join("second")).unwrap();
    let chosen = site.ask(&["models", "use", "second"]);
    assert!(chosen.out.contains("the daemon takes it up now"), "{}{}", chosen.out, chosen.err);
    until("it is taken up", || (vision(&site, "clip") == "second").then_some(()));
    assert_eq!(vision(&site, "meanwhile"), "first", "search has nothing else yet");
    assert_eq!(site.ask(&["search", "--json", "snow"]).json().len(), found.len());
    // A power cut in the middle of it changes nothing.
    daemon.kill();
    let daemon = site.up();
    until("it goes on", || (vision(&site, "clip") == "second").then_some(()));
    assert_eq!(vision(&site, "meanwhile"), "first");
    assert_eq!(site.ask(&["search", "--json", "snow"]).json().len(), found.len());
    daemon.settle();
    eventually("search goes by the new one", &Value::Null, || vision(&site, "meanwhile"));
    assert_eq!(site.ask(&["search", "--json", "snow"]).json().len(), found.len(), "they are the same model");

    // One that is broken is said so, and search keeps what it has.
    std::fs::create_dir_all(own.join("broken/visual")).unwrap();
    std::fs::create_dir_all(own.join("broken/textual")).unwrap();
    for file in std::fs::read_dir(models().join("clip/standin")).unwrap().map(|file| file.unwrap().path()) {
        let within = if file.is_dir() {
            file.read_dir().unwrap().map(|file| file.unwrap().path()).collect()
        } else {
            vec![file]
        };
        for file in within {
            let to = own.join("broken").join(file.strip_prefix(models().join("clip/standin")).unwrap());
            let bytes = std::fs::read(&file).unwrap();
            std::fs::write(to, &bytes[..bytes.len() / 2]).unwrap();
        }
    }
    assert_eq!(site.ask(&["models", "use", "broken"]).code, Some(0));
    until("it is told", || vision(&site, "missing").to_string().contains("broken").then_some(()));
    assert_eq!(site.ask(&["search", "--json", "snow"]).json().len(), found.len());
    assert_eq!(site.ask(&["models", "use", "second"]).code, Some(0));
    until("it is back", || (vision(&site, "clip") == "second").then_some(()));
    daemon.stop();
    // A command without a daemon understands words, too.
    assert_eq!(site.ask(&["search", "--json", "snow"]).json().len(), found.len());
}

/// A picture that is all one colour.
fn plain(colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(320, 240, image::Rgb(colour));
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// Answers `/predict` as a machine would whose model knows nothing but the colours red, green and blue.
fn knowing_colours(request: &galleryfs_tests::http::Request) -> Reply {
    if request.path == "/ping" {
        return Reply::Body("text/plain", b"pong".to_vec());
    }
    let body = &request.body;
    let at = |needle: &[u8]| body.windows(needle.len()).position(|window| window == needle);
    let jpeg =
        at(&[0xff, 0xd8, 0xff]).map(|start| image::load_from_memory(&body[start..]).unwrap().to_rgb8());
    let has = |word: &str| at(word.as_bytes()).is_some();
    let numbers = match jpeg.as_ref().map(|picture| picture.get_pixel(9, 9).0) {
        Some(colour) => {
            let strongest = (0..3).max_by_key(|channel| colour[*channel]).unwrap();
            let mut numbers = [0.1; 8];
            numbers[strongest] = 1.0;
            numbers
        }
        None => {
            let mut numbers = [0.2; 8];
            for (channel, word) in ["red", "green", "blue"].iter().enumerate() {
                numbers[channel] = if has(word) { 1.0 } else { 0.1 };
            }
            numbers
        }
    };
    let answer = if has("facial-recognition") {
        let region = json!({"x1": 20, "y1": 20, "x2": 120, "y2": 140});
        let face = json!({"boundingBox": region, "embedding": format!("{numbers:?}"), "score": 0.9});
        json!({"facial-recognition": [face], "imageHeight": 240, "imageWidth": 320})
    } else {
        json!({"clip": format!("{numbers:?}")})
    };
    Reply::Body("application/json", answer.to_string().into_bytes())
}

#[test]
fn servers_see_for_a_machine_that_has_no_models() {
    let site = Site::default();
    for (name, colour) in [("a.jpg", [250, 10, 10]), ("b.jpg", [10, 250, 10]), ("c.jpg", [10, 10, 250])] {
        site.put(name, &plain(colour));
    }
    let server = Server::start(knowing_colours);
    let gone = "http://127.0.0.1:9";
    let daemon = site.up_with(&["--servers", &format!("{gone},{}", server.url())]);
    daemon.settle();
    let status = site.status().unwrap();
    assert_eq!((&status["vision"]["missing"], &status["unreadable"]), (&json!([]), &json!([])));
    assert_eq!(status["vision"]["servers"][server.url()], "well");
    assert_ne!(status["vision"]["servers"][gone], "well");
    let stages = &status["stages"];
    assert_eq!((&stages["meaning"]["done"], &stages["faces"]["done"]), (&json!(3), &json!(3)));
    let found = site.ask(&["search", "--json", "red"]).json();
    assert!(found[0]["paths"][0].as_str().unwrap().ends_with("a.jpg"), "{found:?}");
    let faces = site.list().iter().map(|asset| asset["faces"].as_array().unwrap().len()).collect::<Vec<_>>();
    assert_eq!(faces, [1, 1, 1]);
    daemon.stop();
}

#[test]
fn a_server_that_is_away_is_told_and_asked_again() {
    let site = Site::default();
    site.put("a.jpg", &plain([250, 10, 10]));
    let daemon = site.up_with(&["--servers", "http://127.0.0.1:9"]);
    daemon.settle();
    let missing = vision(&site, "missing").to_string();
    assert!(missing.contains("127.0.0.1:9") && missing.contains("asked again every minute"), "{missing}");
    daemon.stop();
}
