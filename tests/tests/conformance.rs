//! What POSIX asks of a file system, asked of `inbox/`, and of albums as far as they name photos: `pjdfstest`, on a real mount.
//!
//! The tests that do not pass are those that the table in docs/semantics.md lists, with the reasons: one more is a defect, and one
//! less is a line of the table that is not true any more.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use galleryfs_tests::Site;

const DOCUMENT: &str = include_str!("../../docs/semantics.md");

/// What the system calls that make, move and remove names are called in the suite.
const NAMING: [&str; 5] = ["mkdir", "rmdir", "rename", "unlink", "link"];
/// Kinds of files that are never photos.
const NO_PHOTOS: [&str; 5] = ["block", "char", "fifo", "socket", "symlink"];

/// Makes mount(8) remount by itself: it would leave that to a program of the file system's name.
const MOUNT: &str = "#!/bin/sh\nPATH=${PATH#*:} exec mount -i \"$@\"\n";

/// What came of a test.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The suite, as `make test` installs it.
fn suite() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/bin/pjdfstest");
    if path.is_file() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "pjdfstest is missing: run `make test`");
    eprintln!("skipped: needs pjdfstest");
    None
}

/// A name and its group, of a user that every system has.
fn dummy(user: &str) -> String {
    let group = Command::new("id").args(["-gn", user]).output().unwrap();
    assert!(group.status.success(), "no user {user}");
    format!("['{user}', '{}']", String::from_utf8(group.stdout).unwrap().trim())
}

/// Runs the tests whose names contain one of `patterns`, or all, in a directory of the mount.
fn run(site: &Site, at: &Path, patterns: &[&str], remounts: bool) -> BTreeMap<String, Outcome> {
    let suite = suite().unwrap();
    let configuration = site.folder().join("pjdfstest.toml");
    let text = format!(
        "[features]
        secondary_fs = '{}'
        posix_fallocate = {{}}
        rename_ctime = {{}}
        utime_now = {{}}
        utimensat = {{}}
        [settings]
        naptime = 0.01
        allow_remount = {remounts}
        [dummy_auth]
        entries = [{}, {}]",
        site.folder().display(),
        dummy("nobody"),
        dummy("daemon")
    );
    std::fs::write(&configuration, text).unwrap();
    let bin = site.folder().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::write(bin.join("mount"), MOUNT).unwrap();
    std::fs::set_permissions(bin.join("mount"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let ran = Command::new("timeout")
        .args(["--kill-after=5", "240"])
        .arg(suite)
        .arg("--configuration-file")
        .arg(configuration)
        .arg("--path")
        .arg(at)
        .args(patterns)
        .envs([("PATH", path.as_str()), ("NO_COLOR", "1"), ("RUST_BACKTRACE", "0")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(said.contains("Summary"), "it did not end: {said}{}", String::from_utf8_lossy(&ran.stderr));
    outcomes(&said)
}

/// What came of each test: a line each, and behind it, indented, why.
fn outcomes(said: &str) -> BTreeMap<String, Outcome> {
    let mut all = BTreeMap::new();
    let mut lines = said.lines().peekable();
    while let Some(line) = lines.next() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(what), None) = (words.next(), words.next(), words.next()) else { continue };
        let mut why = String::new();
        while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
            why = format!("{why} {}", more.trim());
        }
        let outcome = match what {
            "ok" => Outcome::Passed,
            "FAILED" => Outcome::Failed(why),
            "skipped" => Outcome::Skipped(why),
            _ => continue,
        };
        all.insert(name.to_owned(), outcome);
    }
    all
}

/// The patterns in the document's table of what does not pass in a directory.
fn listed(directory: &str) -> Vec<&'static str> {
    let section = DOCUMENT.split("\n## ").find(|section| section.starts_with("Conformance")).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix(&format!("| `{directory}` | ")));
    let patterns: Vec<_> = rows
        .flat_map(|row| row.split(" | ").next().unwrap().split(", "))
        .map(|pattern| pattern.trim_matches('`'))
        .collect();
    assert!(!patterns.is_empty(), "no table of {directory}");
    patterns
}

/// Whether a name is what a pattern means, in which one `*` is anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
        None => pattern == name,
    }
}

/// Holds what came of the tests against the document.
fn compare(directory: &str, all: &BTreeMap<String, Outcome>) {
    let patterns = listed(directory);
    let mut wrong = Vec::new();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (name, outcome) in all {
        let listed = patterns.iter().copied().find(|pattern| matches(pattern, name));
        used.extend(listed);
        match (listed, outcome) {
            (None, Outcome::Failed(_) | Outcome::Skipped(_)) => wrong.push(format!("{name}: {outcome:?}")),
            (Some(_), Outcome::Passed) => {
                wrong.push(format!("{name} passes, and docs/semantics.md lists it"));
            }
            _ => {}
        }
    }
    let unused = patterns.iter().filter(|pattern| is_root() && !used.contains(*pattern));
    wrong.extend(unused.map(|pattern| format!("docs/semantics.md lists {pattern}, which is no test")));
    let passed = all.values().filter(|outcome| **outcome == Outcome::Passed).count();
    println!("{directory} passes {passed} of {}", all.len());
    assert!(wrong.is_empty(), "{directory}:\n{}", wrong.join("\n"));
}

#[test]
fn the_inbox_does_what_posix_asks_and_albums_what_they_can() {
    if suite().is_none() {
        return;
    }
    let site = Site::default();
    std::fs::set_permissions(site.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // Other users are part of what is asked; a normal user may have no leave to let them in.
    let daemon = site.up_with(if is_root() { &["--allow-other"] } else { &[] });
    daemon.settle();

    let inbox = site.mount().join("inbox");
    let mut all = run(&site, &inbox, &[], false);
    // By themselves: a test that leaves a file open would keep others from remounting.
    all.extend(run(&site, &inbox, &["erofs"], true));
    all.retain(|_, outcome| !is_for_root(outcome));
    compare("inbox/", &all);

    let album = site.mount().join("albums/A");
    std::fs::create_dir(&album).unwrap();
    let mut all =
        run(&site, &album, &NAMING.map(|call| [call, "::"].concat()).each_ref().map(|name| &**name), false);
    all.retain(|name, outcome| {
        let mut words = name.split("::");
        let is_naming = words.next().is_some_and(|call| NAMING.contains(&call));
        let is_of_photos = words.all(|word| !NO_PHOTOS.contains(&word) && !word.starts_with("erofs"));
        is_naming && is_of_photos && !is_for_root(outcome)
    });
    compare("albums/", &all);
    assert!(daemon.stop().success());
}

/// Whether a test was left out because this user is not root, to whom all of them are given.
fn is_for_root(outcome: &Outcome) -> bool {
    let needs_root = |why: &String| ["root privileges", "CAP_"].iter().any(|asked| why.contains(asked));
    !is_root() && matches!(outcome, Outcome::Skipped(why) if needs_root(why))
}
