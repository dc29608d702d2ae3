//! Runs the examples of docs/semantics.md on a mount of the small library that the document defines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use galleryfs_fs::{FileSeen, Options, Unreadable};
use library::snapshot::fixture::Photo;
use library::{RowNumber, Visibility};
use support::{HandClock, TestLibrary};

const DOCUMENT: &str = include_str!("../../docs/semantics.md");

/// Stands in for getfattr where it is not installed.
const GETFATTR: &str = "#!/usr/bin/env python3
import os, sys
sys.stdout.write(os.getxattr(sys.argv[-1], sys.argv[sys.argv.index('-n') + 1]).decode() + '\\n')
";

/// Stands in for setfattr where it is not installed.
const SETFATTR: &str = "#!/usr/bin/env python3
import os, sys
words = sys.argv
try:
    os.setxattr(words[-1], words[words.index('-n') + 1], words[words.index('-v') + 1].encode())
except OSError as error:
    sys.exit('setfattr: %s: %s' % (words[-1], error.strerror))
";

/// An example: where it stands, what is typed, what is to come out.
struct Example {
    line: usize,
    command: String,
    expected: String,
}

fn examples() -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for (at, line) in DOCUMENT.lines().enumerate() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match (line.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => {
                    examples.push(Example { line: at + 1, command: command.into(), expected: String::new() });
                }
                (None, Some(example)) => example.expected += &format!("{line}\n"),
                (None, None) => panic!("line {}: output of no command", at + 1),
            },
            _ => {}
        }
    }
    examples
}

/// The library in the document's first table.
fn build(library: &TestLibrary) {
    let mut rows: HashMap<String, RowNumber> = HashMap::new();
    let mut unreadable = Vec::new();
    let table = DOCUMENT.lines().skip_while(|line| !line.starts_with("| file |")).skip(2);
    for (number, line) in table.take_while(|line| line.starts_with('|')).enumerate() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [path, taken, place, camera, tags, stars, other] = cells[..] else {
            panic!("seven cells: {line}")
        };
        let list = |cell: &str| cell.split(',').map(|word| word.trim().to_owned()).collect::<Vec<_>>();
        let (place, camera, tags) = (list(place), list(camera), list(tags));
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let bytes = vec![b'0' + number as u8; 1000 + number];
        if let Some(reason) = other.strip_prefix("unreadable: ") {
            std::fs::write(library.root.join(path), &bytes).unwrap();
            unreadable.push(Unreadable {
                file: FileSeen {
                    root: library::RootId::from_bytes([2; 16]),
                    path: path.as_bytes().into(),
                    size: bytes.len() as u64,
                    modified: jiff::Timestamp::UNIX_EPOCH,
                },
                reason: reason.into(),
            });
            continue;
        }
        let host = other.strip_prefix("part of ").map(|name| rows[name]);
        let row = library.add(
            &Photo {
                path,
                name: other.strip_prefix("named "),
                taken: Some(taken).filter(|taken| !taken.is_empty()),
                place: (place.len() == 3).then(|| (&*place[0], &*place[1], &*place[2])),
                camera: (camera.len() == 2).then(|| (&*camera[0], &*camera[1])),
                tags: &tags,
                rating: stars.parse().ok(),
                visibility: match other {
                    "archived" => Visibility::Archive,
                    "locked" => Visibility::Locked,
                    _ if host.is_some() => Visibility::Hidden,
                    _ => Visibility::Timeline,
                },
                host,
                ..Photo::default()
            },
            &bytes,
        );
        if other == "caption" {
            library.edit(|fixture| {
                fixture.change(row, |row| row.described = true);
                vec![row]
            });
        }
        rows.insert(path.rsplit('/').next().unwrap().to_owned(), row);
    }
    library.set_unreadable(unreadable);
    library.person(Some("Ann"), &[rows["IMG_2.jpg"], rows["scan.png"]]);
    library.person(None, &[rows["scan.png"]]);
    let dog = [rows["scan.png"].0].into_iter().collect();
    library.set_things(library::things::Things::default().with("animals", "dog", dog));
}

fn run(command: &str, mount: &Path, tools: &Path) -> String {
    let path = std::env::join_paths(
        std::env::split_paths(&std::env::var_os("PATH").unwrap()).chain([tools.to_owned()]),
    );
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(mount)
        .env("LC_ALL", "C")
        .env("PATH", path.unwrap())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_examples_of_the_document_are_true() {
    let dir = tempfile::tempdir().unwrap();
    let (photos, point, tools) =
        (dir.path().join("photos"), dir.path().join("mnt"), dir.path().join("tools"));
    for made in [&photos, &point, &tools] {
        std::fs::create_dir(made).unwrap();
    }
    for (name, text) in [("getfattr", GETFATTR), ("setfattr", SETFATTR)] {
        let shim = tools.join(name);
        std::fs::write(&shim, text).unwrap();
        std::fs::set_permissions(&shim, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let library = TestLibrary::new(&photos);
    build(&library);
    let options =
        Options { clock: HandClock::at("2026-05-01"), tick: Duration::from_secs(1), ..Options::default() };
    let source: Arc<TestLibrary> = Arc::clone(&library);
    let mount = galleryfs_fs::mount(source, &point, options).unwrap();

    let examples = examples();
    assert!(examples.len() > 30);
    let mut wrong = String::new();
    for example in &examples {
        let found = run(&example.command, &point, &tools);
        if found.trim_end() != example.expected.trim_end() {
            wrong += &format!(
                "docs/semantics.md:{}: $ {}\nexpected:\n{}found:\n{found}\n",
                example.line, example.command, example.expected
            );
        }
    }
    mount.unmount().unwrap();
    assert!(wrong.is_empty(), "{wrong}");
}
