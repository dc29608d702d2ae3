//! What scripts rely on: JSON shapes, exit codes, precedence of settings, who may ask whom.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use galleryfs_tests::{Jpeg, Site, until};
use serde_json::{Value, json};

const FIELDS: [&str; 30] = [
    "id",
    "paths",
    "kind",
    "format",
    "taken",
    "taken_local",
    "width",
    "height",
    "orientation",
    "duration_s",
    "make",
    "model",
    "lens",
    "iso",
    "f_number",
    "exposure_s",
    "focal_mm",
    "people",
    "faces",
    "gps",
    "place",
    "favourite",
    "rating",
    "description",
    "tags",
    "size",
    "stack",
    "sha1",
    "visibility",
    "warnings",
];

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn fields(more: &[&'static str]) -> Vec<&'static str> {
    let mut fields: Vec<&str> = FIELDS.into_iter().chain(more.iter().copied()).collect();
    fields.sort_unstable();
    fields
}

#[test]
fn the_json_shapes_are_as_promised() {
    let site = Site::default();
    let photo = Jpeg::new(1)
        .taken("2024:05:01 10:20:30")
        .offset("+02:00")
        .camera("Canon", "Canon EOS 40D")
        .gps(41.9, 12.5)
        .orientation(6)
        .pixels(32, 16)
        .description("At the fountain");
    let path = site.photo("rome.jpg", &photo);
    site.photo("plain.jpg", &Jpeg::new(2));
    site.index();

    let list = site.list();
    assert_eq!(list.len(), 2);
    for asset in &list {
        assert_eq!(keys(asset), fields(&[]));
    }
    let rome = &list[0];
    let wanted = json!({
        "paths": [path], "kind": "image", "format": "jpeg",
        "taken": "2024-05-01T10:20:30+02:00", "taken_local": "2024-05-01T10:20:30",
        "width": 16, "height": 32, "orientation": 6, "duration_s": null,
        "make": "Canon", "model": "Canon EOS 40D", "lens": null,
        "description": "At the fountain", "tags": [], "rating": null, "favourite": false, "visibility": "timeline", "warnings": [],
        "size": photo.bytes().len(),
    });
    for (field, value) in wanted.as_object().unwrap() {
        assert_eq!(&rome[field], value, "{field}");
    }
    assert_eq!(rome["place"]["country"], "Italy");
    assert!((rome["gps"]["lat"].as_f64().unwrap() - 41.9).abs() < 1e-4);
    let plain = &list[1];
    for field in ["taken", "taken_local", "gps", "place", "make"] {
        assert_eq!(plain[field], Value::Null, "{field}");
    }

    let id = rome["id"].as_str().unwrap();
    for what in [path.to_str().unwrap(), id, "rome.jpg"] {
        assert_eq!(site.ask(&["show", "--json", what]).json(), std::slice::from_ref(rome), "by {what}");
    }
    let hits = site.ask(&["search", "--json", "fountain"]).json();
    assert_eq!(hits.len(), 1);
    assert_eq!(keys(&hits[0]), fields(&["rank", "score"]));
    assert_eq!((&hits[0]["rank"], &hits[0]["id"]), (&json!(1), &rome["id"]));
    assert_eq!(site.ask(&["search", "--json", "type:image", "--limit", "1"]).json().len(), 1);

    let status = site.status().unwrap();
    assert_eq!(status["state"], "stopped");
    assert_eq!((&status["assets"], &status["pending"]), (&json!(2), &json!(0)));
    for field in ["unreadable", "offline"] {
        assert_eq!(status[field], json!([]), "{field}");
    }
    assert_eq!((&status["mount"], &status["url"]), (&Value::Null, &Value::Null));
    assert_eq!(status["versions"]["galleryfs"], env!("CARGO_PKG_VERSION"));
    for record in site.ask(&["log", "--json"]).json() {
        assert_eq!(keys(&record), ["actor", "content", "face", "kind", "seq", "time"]);
    }
}

#[test]
fn show_tells_of_all_that_it_finds_and_then_of_the_rest() {
    let site = Site::default();
    let photo = site.photo("a.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30"));
    let sidecar = site.put(
        "a.jpg.xmp",
        br#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>"#,
    );
    let last = site.photo("b.jpg", &Jpeg::new(2));
    let daemon = site.up();
    daemon.settle();
    let paths = |answer: &galleryfs_tests::Answer| -> Vec<String> {
        let shown = answer.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        shown.map(|asset| asset["paths"][0].as_str().unwrap().to_owned()).collect()
    };
    let (photo, sidecar, last) = (photo.to_str().unwrap(), sidecar.to_str().unwrap(), last.to_str().unwrap());
    let in_mount = site.mount().join("all/2024/05/a.jpg.xmp");
    let answer = site.ask(&["show", "--json", sidecar, in_mount.to_str().unwrap(), "a.jpg.xmp", last]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    assert_eq!(paths(&answer), [photo, photo, photo, last]);
    let answer = site.ask(&["show", "--json", "/no/such.jpg", photo, "nor-this.jpg", last]);
    assert_eq!(answer.code, Some(3));
    assert_eq!(paths(&answer), [photo, last]);
    assert!(answer.err.contains("/no/such.jpg") && answer.err.contains("nor-this.jpg"), "{}", answer.err);
    assert!(daemon.stop().success());
}

#[test]
fn the_daemon_answers_as_the_library_does() {
    let site = Site::default();
    site.photo("one.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30"));
    site.index();
    let alone: Vec<String> = [["list", "--json"], ["search", "one"], ["log", "--json"]]
        .map(|command| site.ask(&command).out)
        .into();
    let daemon = site.up();
    daemon.settle();
    let asked: Vec<String> = [["list", "--json"], ["search", "one"], ["log", "--json"]]
        .map(|command| site.ask(&command).out)
        .into();
    assert_eq!(alone, asked);
    let status = site.status().unwrap();
    assert_eq!(status["pid"], daemon.pid());
    assert_eq!(status["mount"], site.mount().to_str().unwrap());
    assert_eq!(status["roots"][0]["watch"], "inotify");
    let shown =
        site.ask(&["show", "--json", site.mount().join("all/2024/05/one.jpg").to_str().unwrap()]).json();
    assert_eq!(shown, site.list(), "by its path in the mount");
    assert_eq!(site.ask(&["sync"]).code, Some(0));
}

#[test]
fn a_second_daemon_is_told_who_has_the_library() {
    let site = Site::default();
    let daemon = site.up();
    let second = site.ask(&["up", "--photos", site.photos().to_str().unwrap()]);
    assert_eq!(second.code, Some(4));
    for part in [&daemon.pid().to_string(), site.data().to_str().unwrap(), site.mount().to_str().unwrap()] {
        assert!(second.err.contains(part), "{part} in {}", second.err);
    }
    assert_eq!(site.ask(&["rebuild"]).code, Some(4));
    // `unmount` waits until the daemon is gone: the library is free at once.
    assert_eq!(site.ask(&["unmount"]).code, Some(0));
    assert!(site.ask(&["unmount"]).code == Some(3), "nothing to unmount any more");
    site.index();
}

#[test]
fn the_data_folder_and_its_socket_are_ours_alone() {
    // Longer than a socket's address may be.
    let site = Site::default();
    let data = site.folder().join("d".repeat(120)).join("data");
    let site = site.with_data(data);
    // Made beforehand, as `mkdir` makes a folder.
    std::fs::create_dir_all(site.data()).unwrap();
    std::fs::set_permissions(site.data(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let _daemon = site.up();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(site.data()), 0o700);
    assert_eq!(mode(&site.data().join("socket")), 0o600);
    assert!(site.status().unwrap()["pid"].is_u64(), "it answers all the same");
}

#[test]
fn nonsense_on_the_socket_does_no_harm() {
    use std::io::{Read as _, Write as _};
    let site = Site::default();
    let daemon = site.up();
    let socket = site.data().join("socket");
    for nonsense in
        [&b"\n"[..], b"{}\n", b"\xff\xfe\n", b"{\"ask\":\"erase\"}\n", &[b'['; 100_000], b"no end"]
    {
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        // The daemon may have closed after what it needed to read.
        let _ = stream.write_all(nonsense);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.is_empty() || answer.contains("\"exit\":2"), "{answer}");
    }
    assert!(site.status().is_some());
    assert!(daemon.stop().success());
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file() {
    let site = Site::default();
    let file = site.folder().join("mine.toml");
    let data = |name: &str| site.folder().join(name).to_str().unwrap().to_owned();
    std::fs::write(&file, format!("data = \"{}\"\nmount = \"in-file\"\n", data("of-file"))).unwrap();
    let printed = |environment: Option<&str>, arguments: &[&str]| {
        let mut command =
            site.command(&[&["config", "--config", file.to_str().unwrap()], arguments].concat());
        command.env_remove("GALLERYFS_DATA");
        command.envs(environment.map(|data| ("GALLERYFS_DATA", data)));
        let out = String::from_utf8(command.output().unwrap().stdout).unwrap();
        out.lines().find(|line| line.contains("data = ")).unwrap().to_owned()
    };
    assert!(printed(None, &[]).contains("of-file"));
    assert!(printed(Some(&data("of-environment")), &[]).contains("of-environment"));
    assert!(printed(Some(&data("of-environment")), &["--data", &data("of-flag")]).contains("of-flag"));

    std::fs::write(&file, "photos = []\nfotos = []\n").unwrap();
    let answer = site.ask(&["status", "--config", file.to_str().unwrap()]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.err.contains("line 2") && answer.err.contains("fotos"), "{}", answer.err);
}

#[test]
fn folders_in_each_other_are_refused_before_anything_is_made() {
    let site = Site::default();
    let photos = site.photos().to_str().unwrap();
    std::fs::create_dir(site.photos().join("inner")).unwrap();
    let inner = site.photos().join("inner");
    let inner = inner.to_str().unwrap();
    let refused = |arguments: &[&str], words: &str| {
        let answer = site.ask(&[&["up", "--photos", photos], arguments].concat());
        assert_eq!(answer.code, Some(2), "{arguments:?}: {}", answer.err);
        assert!(answer.err.contains(words), "{}", answer.err);
    };
    refused(&["--photos", inner], "name only the outer one");
    refused(&["--mount", inner], "mount point");
    refused(&["--data", inner], "data folder");
    refused(&["--photos", "/no/such/folder"], "/no/such/folder");
    assert!(!site.data().exists(), "nothing was made");
    assert!(std::fs::read_dir(inner).unwrap().next().is_none());
    assert_eq!(site.ask(&["up"]).code, Some(2), "no photos named");
}

#[test]
fn what_is_not_there_has_its_exit_code() {
    let site = Site::default();
    assert_eq!(site.ask(&["list"]).code, Some(1), "no library yet");
    assert!(!site.data().exists());
    site.index();
    assert_eq!(site.ask(&["show", "/no/such.jpg"]).code, Some(3));
    assert_eq!(site.ask(&["search", "rating:many"]).code, Some(2));
    assert_eq!(site.ask(&["no-such-command"]).code, Some(2));
    assert_eq!(site.ask(&["--help"]).code, Some(0));
    assert_eq!(site.ask(&["completions", "bash"]).code, Some(0));
    let doctor = site.ask(&["doctor", "--photos", site.photos().to_str().unwrap()]);
    assert!(doctor.out.contains("FUSE in the kernel"), "{}", doctor.out);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let site = Site::default();
    for seed in 0..50 {
        site.photo(&format!("{seed}.jpg"), &Jpeg::new(seed).description(&"words ".repeat(1000)));
    }
    site.index();
    let mut child =
        site.command(&["list", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
}

#[test]
fn systemd_is_told_when_it_is_ready() {
    let site = Site::default();
    let path = site.folder().join("notify");
    let listener = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut command = site.command(&["up", "--photos", site.photos().to_str().unwrap()]);
    command.env("NOTIFY_SOCKET", &path);
    let daemon = site.start(command);
    let heard = || {
        let mut buffer = [0; 200];
        let length = listener.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    };
    assert_eq!(until("a word from the daemon", heard), "READY=1");
    assert!(daemon.stop().success());
}

#[test]
fn what_was_added_today_is_found_by_the_day_of_this_computer() {
    let site = Site::default();
    site.photo("a.jpg", &Jpeg::new(1));
    site.index();
    // In one of these the day is another than in Greenwich, whatever the time.
    for zone in ["Etc/GMT-14", "Etc/GMT+12"] {
        let output =
            site.command(&["search", "--json", "added:today"]).env("TZ", zone).output().expect("it starts");
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1, "{zone}");
    }
}
