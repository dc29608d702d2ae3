//! Anything may happen, in any order, watched or not: in the end the library knows what a fresh scan would find.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use library::FileContent;

use crate::stage::{Kind, Stage, photo, xmp};

crate::over_both! { seed_1 seed_2 seed_3 seed_4 }

fn seed_1(kind: &Kind) {
    run(kind, 1);
}

fn seed_2(kind: &Kind) {
    run(kind, 2);
}

fn seed_3(kind: &Kind) {
    run(kind, 3);
}

fn seed_4(kind: &Kind) {
    run(kind, 4);
}

/// As many as one likes: `SEEDS=100 cargo test -- --ignored seeds`.
#[test]
#[ignore = "takes as long as asked"]
fn seeds() {
    let count = std::env::var("SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(10);
    for seed in 100..100 + count {
        println!("seed {seed}");
        run(&Kind::Model, seed);
        run(&Kind::Library, seed);
    }
}

/// xorshift: the same disorder for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }
}

/// What is compared: all but the asset's id, which the model and the order of events may choose.
type Truth = BTreeMap<PathBuf, String>;

fn truth(stage: &Stage) -> Truth {
    stage
        .state()
        .into_iter()
        .filter_map(|(path, record)| {
            let content = match record.content {
                FileContent::Asset { digests, mut sidecars, .. } => {
                    sidecars.sort_by(|one, other| one.name.cmp(&other.name));
                    format!("{} {sidecars:?}", digests.checksum)
                }
                // JSON that no longer describes anything stays known; a fresh scan would pass it over.
                FileContent::Sidecar { hosts, .. }
                    if hosts.is_empty() && path.extension().is_some_and(|extension| extension == "json") =>
                {
                    return None;
                }
                FileContent::Sidecar { digests, mut hosts } => {
                    hosts.sort();
                    format!("{} {hosts:?}", digests.checksum)
                }
                FileContent::Unreadable { reason } => reason,
            };
            Some((path, format!("{:?} {content}", record.stat)))
        })
        .collect()
}

fn run(kind: &Kind, seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut stage = Stage::new(kind);
    // Losing a fifth at once is another test's business.
    for number in 0..20 {
        stage.write(format!("keep/{number}.jpg"), &photo(10_000 + number));
    }
    stage.start();
    for step in 0..300 {
        act(&stage.root, &mut dice, step);
        match dice.below(60) {
            0 if stage.watcher.is_some() => stage.stop(),
            1 | 2 if stage.watcher.is_none() => stage.start(),
            3 => std::thread::sleep(Duration::from_millis(dice.below(700) as u64)),
            4 if stage.watcher.is_some() => stage.watcher().rescan(None),
            5..20 => std::thread::sleep(Duration::from_millis(dice.below(20) as u64)),
            _ => {}
        }
    }
    if stage.watcher.is_none() {
        stage.start();
    }
    stage.idle();
    let known = truth(&stage);
    stage.stop();
    let mut fresh = Stage::new(&Kind::Model);
    fresh.id = stage.id;
    fresh.root.clone_from(&stage.root);
    // Young files are given time to settle; here they all have.
    fresh.watch();
    let expected = truth(&fresh);
    let differing: Vec<_> = known
        .keys()
        .chain(expected.keys())
        .filter(|path| known.get(*path) != expected.get(*path))
        .map(|path| (path, known.get(path), expected.get(path)))
        .collect();
    assert!(differing.is_empty(), "seed {seed}: known and expected differ: {differing:#?}");
    assert!(stage.away().is_empty(), "{:?}", stage.away());
}

const FOLDERS: [&str; 6] = ["", "a", "a/b", "a/b/c", "d", ".hidden"];
const NAMES: [&str; 9] =
    ["1.jpg", "2.jpg", "2-edited.jpg", "3.png", "1.jpg.xmp", "2.xmp", "2.jpg.json", "x.part", "4.nef"];

fn any_file(dice: &mut Dice) -> PathBuf {
    Path::new(FOLDERS[dice.below(FOLDERS.len())]).join(NAMES[dice.below(NAMES.len())])
}

fn bytes_for(name: &Path, dice: &mut Dice) -> Vec<u8> {
    match name.extension().and_then(|extension| extension.to_str()) {
        Some("xmp") => xmp(&format!("caption {}", dice.below(1000))),
        Some("json") => format!(r#"{{"description":"number {}"}}"#, dice.below(1000)).into_bytes(),
        _ if dice.below(12) == 0 => b"no photo at all".to_vec(),
        _ => photo(dice.below(40)),
    }
}

/// One thing that happens. Failing is no harm: what is not there cannot be renamed.
fn act(root: &Path, dice: &mut Dice, step: usize) {
    let path = root.join(any_file(dice));
    let folder = root.join(FOLDERS[1 + dice.below(FOLDERS.len() - 1)]);
    let parent = path.parent().unwrap_or(root).to_path_buf();
    let _ = match dice.below(16) {
        0..4 => fs::create_dir_all(&parent).and_then(|()| fs::write(&path, bytes_for(&path, dice))),
        // In two parts.
        4 => OpenOptions::new().create(true).truncate(true).write(true).open(&path).and_then(|mut file| {
            let bytes = bytes_for(&path, dice);
            file.write_all(&bytes[..bytes.len() / 2])?;
            std::thread::sleep(Duration::from_millis(dice.below(60) as u64));
            file.write_all(&bytes[bytes.len() / 2..])
        }),
        // By way of a temporary name.
        5 => fs::write(parent.join(".t12"), bytes_for(&path, dice))
            .and_then(|()| fs::rename(parent.join(".t12"), &path)),
        // An editor's save.
        6 => fs::rename(&path, path.with_extension("jpg~"))
            .and_then(|()| fs::write(&path, bytes_for(&path, dice)))
            .and_then(|()| fs::remove_file(path.with_extension("jpg~"))),
        7 | 8 => fs::rename(&path, root.join(any_file(dice))),
        9 => fs::remove_file(&path),
        10 => fs::rename(&folder, root.join(FOLDERS[1 + dice.below(FOLDERS.len() - 1)])),
        11 => fs::remove_dir_all(&folder),
        12 => fs::write(&path, b""),
        13 => fs::set_permissions(
            &path,
            PermissionsExt::from_mode(if step.is_multiple_of(2) { 0o600 } else { 0o644 }),
        ),
        // Out of the root, and perhaps back.
        14 => {
            let outside = root.with_file_name("outside");
            if outside.exists() { fs::rename(&outside, &folder) } else { fs::rename(&folder, &outside) }
        }
        _ => fs::create_dir_all(&folder),
    };
}
