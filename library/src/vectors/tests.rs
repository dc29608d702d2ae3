//! Files of vectors that were cut, rolled back, overwritten and killed in the middle of a write.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::checksum::Checksum;
use crate::embedding::Embedding;
use crate::people::FaceBox;

const WIDTH: usize = 12;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("vectors/picture-standin.slots")
    }

    fn open(&self) -> (VectorFile, Opened) {
        VectorFile::open(&self.0.path().join("vectors"), VectorKind::Picture, &standin(), WIDTH).unwrap()
    }
}

fn standin() -> ModelName {
    ModelName::new("standin").unwrap()
}

fn key(number: u64) -> VectorKey {
    VectorKey::picture(Checksum::of(&number.to_le_bytes()))
}

fn embedding(seed: u64, width: usize) -> Embedding {
    let hash = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    let mut bytes = vec![0; width];
    let mut reader = hash;
    reader.fill(&mut bytes);
    Embedding::new(bytes.iter().map(|byte| f32::from(*byte) - 127.6).collect::<Vec<f32>>()).unwrap()
}

fn like(one: &Embedding, other: &Embedding) -> bool {
    one.cosine(other).is_some_and(|cosine| cosine > 0.9999)
}

#[test]
fn vectors_are_there_again_and_a_new_one_takes_the_place_of_the_old() {
    let folder = Folder::new();
    let (file, opened) = folder.open();
    assert_eq!(opened, Opened::default());
    for number in 0..20 {
        assert_eq!(file.put(&key(number), &embedding(number, WIDTH)).unwrap(), Slot(number as u32));
    }
    assert_eq!(file.put(&key(7), &embedding(700, WIDTH)).unwrap(), Slot(7));
    assert_eq!(file.remove(&key(3)).unwrap(), Some(Slot(3)));
    assert_eq!(file.remove(&key(3)).unwrap(), None);
    assert!(!file.contains(&key(3)));
    drop(file);
    let (file, opened) = folder.open();
    assert_eq!(opened, Opened { used: 19, damaged: 0 });
    assert!(like(&file.get(&key(7)).unwrap().unwrap(), &embedding(700, WIDTH)));
    assert_eq!(file.get(&key(3)).unwrap(), None);
    assert_eq!(file.put(&key(99), &embedding(99, WIDTH)).unwrap(), Slot(3), "freed slots are given again");
    let mut seen = Vec::new();
    file.for_each(|slot, _, values| seen.push((slot.0, values.len()))).unwrap();
    assert_eq!(seen, (0..20).map(|slot| (slot, WIDTH)).collect::<Vec<_>>());
}

#[test]
fn faces_of_one_photo_are_apart_and_widths_are_the_files_own() {
    let folder = tempfile::tempdir().unwrap();
    let photo = Checksum::of(b"photo");
    let left = FaceBox::from_fractions([0.01, 0.02, 0.3, 0.4]).unwrap();
    let right = FaceBox::from_fractions([0.02, 0.02, 0.3, 0.4]).unwrap();
    for (model, width) in [("narrow", 1), ("odd", 129), ("wide", 8192)] {
        let model = ModelName::new(model).unwrap();
        let open = || VectorFile::open(folder.path(), VectorKind::Face, &model, width).unwrap();
        let (file, _) = open();
        file.put(&VectorKey::face(photo, left), &embedding(1, width)).unwrap();
        file.put(&VectorKey::face(photo, right), &embedding(2, width)).unwrap();
        assert!(!file.contains(&VectorKey::picture(photo)));
        let other = if width > 1 { width - 1 } else { 2 };
        let wrong = file.put(&VectorKey::picture(photo), &embedding(1, other));
        assert!(matches!(wrong, Err(VectorError::Width { .. })), "{wrong:?}");
        let again = VectorFile::open(folder.path(), VectorKind::Face, &model, width);
        assert!(matches!(again, Err(VectorError::InUse { .. })));
        drop(file);
        let (file, opened) = open();
        assert_eq!(opened.used, 2);
        assert!(like(&file.get(&VectorKey::face(photo, left)).unwrap().unwrap(), &embedding(1, width)));
        assert!(like(&file.get(&VectorKey::face(photo, right)).unwrap().unwrap(), &embedding(2, width)));
    }
    for width in [0, 8193, 1 << 40] {
        let refused = VectorFile::open(folder.path(), VectorKind::Face, &standin(), width);
        assert!(matches!(refused, Err(VectorError::NoWidth { .. })));
    }
}

#[test]
fn a_slot_elsewhere_than_where_it_was_written_is_not_trusted() {
    let folder = Folder::new();
    let (file, _) = folder.open();
    for number in 0..3 {
        file.put(&key(number), &embedding(number, WIDTH)).unwrap();
    }
    drop(file);
    let mut bytes = fs::read(folder.path()).unwrap();
    let len = (bytes.len() - 4096) / 3;
    bytes.copy_within(4096..4096 + len, 4096 + len);
    fs::write(folder.path(), &bytes).unwrap();
    let (file, opened) = folder.open();
    assert_eq!(opened, Opened { used: 2, damaged: 1 });
    assert!(file.contains(&key(0)) && !file.contains(&key(1)) && file.contains(&key(2)));
    drop(file);
    // Nor is one of another model, or of another kind.
    let other = ModelName::new("other").unwrap();
    fs::copy(folder.path(), folder.path().with_file_name("picture-other.slots")).unwrap();
    fs::copy(folder.path(), folder.path().with_file_name("face-standin.slots")).unwrap();
    let dir = folder.path().parent().unwrap().to_owned();
    for (kind, model) in [(VectorKind::Picture, &other), (VectorKind::Face, &standin())] {
        let (file, opened) = VectorFile::open(&dir, kind, model, WIDTH).unwrap();
        assert_eq!(opened, Opened { used: 0, damaged: 2 });
        assert!(file.is_empty());
        file.put(&key(5), &embedding(5, WIDTH)).unwrap();
        assert_eq!(file.len(), 1);
    }
}

#[test]
fn a_damaged_header_takes_no_vector_with_it_and_another_width_takes_all() {
    let folder = Folder::new();
    let (file, _) = folder.open();
    file.put(&key(1), &embedding(1, WIDTH)).unwrap();
    drop(file);
    let mut bytes = fs::read(folder.path()).unwrap();
    bytes[..100].fill(0xff);
    fs::write(folder.path(), &bytes).unwrap();
    let (file, opened) = folder.open();
    assert_eq!(opened, Opened { used: 1, damaged: 0 });
    drop(file);
    let dir = folder.path().parent().unwrap().to_owned();
    let (file, opened) = VectorFile::open(&dir, VectorKind::Picture, &standin(), 5).unwrap();
    assert_eq!(opened.used, 0);
    file.put(&key(1), &embedding(1, 5)).unwrap();
    drop(file);
    assert_eq!(VectorFile::open(&dir, VectorKind::Picture, &standin(), 5).unwrap().1.used, 1);
}

#[test]
fn what_another_program_cuts_off_is_gone_and_no_more() {
    let folder = Folder::new();
    let (file, _) = folder.open();
    for number in 0..10 {
        file.put(&key(number), &embedding(number, WIDTH)).unwrap();
    }
    let len = fs::metadata(folder.path()).unwrap().len();
    // While it is open, in the middle of a slot.
    fs::OpenOptions::new().write(true).open(folder.path()).unwrap().set_len(len - 300).unwrap();
    assert_eq!(file.get(&key(9)).unwrap(), None);
    assert!(like(&file.get(&key(0)).unwrap().unwrap(), &embedding(0, WIDTH)));
    let mut seen = 0;
    file.for_each(|_, _, _| seen += 1).unwrap();
    assert!((5..9).contains(&seen), "{seen}");
    file.put(&key(9), &embedding(9, WIDTH)).unwrap();
    assert!(file.contains(&key(9)));
    drop(file);
    let (file, _) = folder.open();
    assert_eq!(file.len(), seen + 1);
    // A file cut to nothing is a new one.
    fs::OpenOptions::new().write(true).open(folder.path()).unwrap().set_len(0).unwrap();
    drop(file);
    assert_eq!(folder.open().1, Opened::default());
}

#[test]
fn a_full_disk_fails_one_write_and_keeps_the_rest() {
    // The limit of a process on what it writes is met as a full disk is; a child, for it is the whole process's.
    let folder = Folder::new();
    let (file, _) = folder.open();
    file.put(&key(0), &embedding(0, WIDTH)).unwrap();
    drop(file);
    let status = child("full", &folder, |command| {
        command.env("LIMIT", "4352");
    });
    assert!(status.success(), "{status}");
    let (file, _) = folder.open();
    assert!(file.contains(&key(0)) && file.len() >= 2 && file.len() < 10, "{}", file.len());
}

#[test]
fn what_was_put_before_a_kill_is_there() {
    let folder = Folder::new();
    for round in 0..5 {
        let status = child("killed", &folder, |command| {
            command.env("ROUND", round.to_string());
        });
        assert!(!status.success());
        let told: u64 = fs::read_to_string(folder.0.path().join("told")).unwrap().parse().unwrap();
        let (file, opened) = folder.open();
        assert!(opened.damaged <= 1, "only what was being written: {opened:?}");
        for number in 0..told {
            assert!(file.contains(&key(round << 32 | number)), "{number} of {told}");
        }
    }
}

/// Runs this test program again as the other process of a test.
fn child(
    role: &str,
    folder: &Folder,
    prepare: impl FnOnce(&mut std::process::Command),
) -> std::process::ExitStatus {
    // A process is killed that writes beyond its limit, unless it was started with that signal (SIGXFSZ) ignored.
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' 25; exec \"$@\"", "sh"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "vectors::tests::the_other_process", "--nocapture"]);
    command.env("ROLE", role).env("FOLDER", folder.0.path()).stdout(std::process::Stdio::null());
    prepare(&mut command);
    command.status().unwrap()
}

/// Does nothing unless another test started it.
#[test]
fn the_other_process() {
    let Ok(role) = std::env::var("ROLE") else { return };
    let folder = PathBuf::from(std::env::var_os("FOLDER").unwrap());
    let (file, _) =
        VectorFile::open(&folder.join("vectors"), VectorKind::Picture, &standin(), WIDTH).unwrap();
    match role.as_str() {
        "full" => {
            let limit = std::env::var("LIMIT").unwrap().parse().unwrap();
            let new = rustix::process::Rlimit { current: Some(limit), maximum: Some(limit) };
            rustix::process::setrlimit(rustix::process::Resource::Fsize, new).unwrap();
            let mut failures = 0;
            for number in 1..10 {
                match file.put(&key(number), &embedding(number, WIDTH)) {
                    Ok(_) => assert!(file.contains(&key(number))),
                    Err(VectorError::Io { .. }) => {
                        failures += 1;
                        assert!(!file.contains(&key(number)));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            assert!(failures > 0, "the limit was never met");
        }
        "killed" => {
            let round: u64 = std::env::var("ROUND").unwrap().parse().unwrap();
            for number in 0.. {
                file.put(&key(round << 32 | number), &embedding(number, WIDTH)).unwrap();
                if number == 50 * (round + 1) {
                    std::thread::spawn(|| {
                        std::thread::sleep(std::time::Duration::from_millis(3));
                        rustix::process::kill_process(
                            rustix::process::getpid(),
                            rustix::process::Signal::KILL,
                        )
                        .unwrap();
                    });
                }
                fs::write(folder.join("telling"), (number + 1).to_string()).unwrap();
                fs::rename(folder.join("telling"), folder.join("told")).unwrap();
            }
        }
        other => panic!("{other}"),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u16),
    Remove(u8),
    Reopen,
    /// Flips a bit at a share of the file.
    Flip(u16, u8),
    /// Cuts the file to a share of its length.
    Cut(u16),
    /// Copies a stretch of the file over another.
    Copy(u16, u16, u8),
    /// Writes what the file was some reopenings ago.
    RollBack,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..24u8, any::<u16>()).prop_map(|(key, seed)| Step::Put(key, seed)),
        3 => (0..24u8).prop_map(Step::Remove),
        2 => Just(Step::Reopen),
        1 => (any::<u16>(), 0..8u8).prop_map(|(at, bit)| Step::Flip(at, bit)),
        1 => any::<u16>().prop_map(Step::Cut),
        1 => (any::<u16>(), any::<u16>(), any::<u8>()).prop_map(|(from, to, len)| Step::Copy(from, to, len)),
        1 => Just(Step::RollBack),
    ]
}

fn share(part: u16, of: usize) -> usize {
    usize::from(part) * of / (usize::from(u16::MAX) + 1)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever happens to the file: what is read for a key was once put for that key, and while nothing was damaged it
    /// is exactly what was put last.
    #[test]
    fn a_vector_is_right_or_absent(steps in prop::collection::vec(step(), 1..60)) {
        let folder = Folder::new();
        let mut file = folder.open().0;
        let mut now: HashMap<u8, u16> = HashMap::new();
        let mut ever: HashMap<u8, Vec<u16>> = HashMap::new();
        let mut harmed = false;
        let mut former = fs::read(folder.path()).unwrap();
        for step in steps {
            match step {
                Step::Put(number, seed) => {
                    file.put(&key(number.into()), &embedding(seed.into(), WIDTH)).unwrap();
                    prop_assert!(file.contains(&key(number.into())));
                    now.insert(number, seed);
                    ever.entry(number).or_default().push(seed);
                }
                Step::Remove(number) => {
                    let was = file.remove(&key(number.into())).unwrap().is_some();
                    prop_assert!(harmed || was == now.contains_key(&number));
                    prop_assert!(!file.contains(&key(number.into())));
                    now.remove(&number);
                }
                Step::Reopen => {
                    drop(file);
                    former = fs::read(folder.path()).unwrap();
                    let (again, opened) = folder.open();
                    let whole = Opened { used: now.len(), damaged: 0 };
                    prop_assert!(harmed || opened == whole);
                    file = again;
                }
                damage => {
                    drop(file);
                    let mut bytes = fs::read(folder.path()).unwrap();
                    match damage {
                        Step::Flip(at, bit) => {
                            let at = share(at, bytes.len());
                            bytes[at] ^= 1 << bit;
                        }
                        Step::Cut(to) => bytes.truncate(share(to, bytes.len())),
                        Step::Copy(from, to, len) => {
                            let (from, to) = (share(from, bytes.len()), share(to, bytes.len()));
                            let len = usize::from(len).min(bytes.len() - from.max(to));
                            bytes.copy_within(from..from + len, to);
                        }
                        _ => bytes.clone_from(&former),
                    }
                    harmed = true;
                    fs::write(folder.path(), &bytes).unwrap();
                    file = folder.open().0;
                    prop_assert!(check_layout(&fs::read(folder.path()).unwrap()) >= Some(file.len()));
                }
            }
            let mut there = 0;
            for number in 0..24u8 {
                let found = file.get(&key(number.into())).unwrap();
                there += usize::from(found.is_some());
                match (found, now.get(&number)) {
                    (Some(found), seed) => {
                        let right = |seed: &u16| like(&found, &embedding((*seed).into(), WIDTH));
                        let expected = if harmed {
                            ever.get(&number).is_some_and(|seeds| seeds.iter().any(right))
                        } else {
                            seed.is_some_and(right)
                        };
                        prop_assert!(expected);
                    }
                    (None, Some(_)) => prop_assert!(harmed),
                    (None, None) => {}
                }
            }
            prop_assert_eq!(there, file.len());
        }
    }
}
