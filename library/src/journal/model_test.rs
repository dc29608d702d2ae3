//! A list of records as the model, and random lives of a journal against it: whatever happens, they agree.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::crash_test::{draft, everything, key_of, scratch, told};
use super::faults::Faults;
use super::segment::Span;
use super::*;

#[derive(Clone, Debug)]
enum Op {
    Append(Vec<u8>),
    Sync,
    Rotate,
    Compact,
    Reopen,
    /// The process stops this many steps from now.
    CrashWithin(u8, u8),
    /// It stops at once, and the last segment ends in these bytes.
    Torn(Vec<u8>),
    /// Somebody begins to copy the folder.
    BeginCopy,
    /// The copy goes on for so many files.
    CopyFiles(u8),
}

fn op() -> impl Strategy<Value = Op> {
    let byte = (0_u8..=255).prop_map(|byte| if byte == b'\n' { 0 } else { byte });
    prop_oneof![
        8 => prop::collection::vec(0_u8..12, 1..6).prop_map(Op::Append),
        2 => Just(Op::Sync),
        1 => Just(Op::Rotate),
        2 => Just(Op::Compact),
        2 => Just(Op::Reopen),
        2 => (0_u8..40, any::<u8>()).prop_map(|(steps, tear)| Op::CrashWithin(steps, tear)),
        1 => prop::collection::vec(byte, 1..40).prop_map(Op::Torn),
        1 => Just(Op::BeginCopy),
        4 => (1_u8..4).prop_map(Op::CopyFiles),
    ]
}

/// A copy of the folder, file by file, the list of names taken first.
struct Copying {
    to: tempfile::TempDir,
    names: VecDeque<OsString>,
    /// So many records were synced before it began.
    floor: usize,
}

struct Life {
    folder: tempfile::TempDir,
    journal: Option<Journal>,
    faults: Arc<Faults>,
    /// Every record that is there.
    model: Vec<(u64, u64, u64)>,
    synced: usize,
    copying: Option<Copying>,
    value: u64,
    segment_bytes: u64,
}

impl Life {
    fn new(segment_bytes: u64) -> Self {
        let folder = scratch();
        let faults = Arc::new(Faults::crash(u64::MAX - 1, 0));
        let mut life = Self {
            folder,
            journal: None,
            faults,
            model: vec![],
            synced: 0,
            copying: None,
            value: 0,
            segment_bytes,
        };
        life.reopen(&[], false);
        life
    }

    /// Opens again, perhaps after a crash in the middle of appending `doubtful`.
    fn reopen(&mut self, doubtful: &[(u64, u64)], torn: bool) {
        self.journal = None;
        self.faults = Arc::new(Faults::crash(u64::MAX - 1, 0));
        // Removing what was replaced must wait for a copy that has listed it.
        let keep_replaced = if self.copying.is_some() { Duration::from_secs(3600) } else { Duration::ZERO };
        let options = Options {
            segment_bytes: self.segment_bytes,
            commit_after: None,
            keep_replaced,
            faults: Some(Arc::clone(&self.faults)),
        };
        let opened = Journal::open(self.folder.path(), options).unwrap();
        for damage in &opened.damage {
            assert!(torn && matches!(damage, Damage::TornTail { .. }), "{damage:?}");
        }
        let there = everything(&opened.journal);
        if there.len() > self.model.len() {
            let next = self.model.last().map_or(1, |last| last.0 + 1);
            self.model.extend((next..).zip(doubtful).map(|(at, (key, value))| (at, *key, *value)));
        }
        assert_eq!(there, self.model);
        check_replay(&opened.journal, &there);
        self.journal = Some(opened.journal);
        self.synced = self.model.len();
    }

    fn apply(&mut self, op: Op) {
        let Some(journal) = &self.journal else { return };
        let mut doubtful = Vec::new();
        let result = match op {
            Op::Append(keys) => {
                for key in keys {
                    self.value += 1;
                    doubtful.push((u64::from(key), self.value));
                }
                let drafts: Vec<_> = doubtful.iter().map(|(key, value)| draft(*key, *value)).collect();
                journal.append(&drafts).map(|given| {
                    let batch = given.iter().zip(&doubtful);
                    self.model.extend(batch.map(|(at, (key, value))| (at.0, *key, *value)));
                })
            }
            Op::Sync => journal.sync().map(|()| self.synced = self.model.len()),
            Op::Rotate => journal.rotate(),
            Op::Compact => journal.compact(&key_of).map(|_| ()),
            Op::Reopen => return self.reopen(&[], false),
            Op::CrashWithin(steps, tear) => {
                self.faults.rearm(u64::from(steps), tear);
                Ok(())
            }
            Op::Torn(bytes) => {
                self.faults.rearm(0, 0);
                self.journal = None;
                let names =
                    std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
                let last = names.filter_map(|name| Span::of_name(name.to_str()?)).max_by_key(|span| span.to);
                let last = self.folder.path().join(last.unwrap().name());
                let text = [std::fs::read(&last).unwrap(), bytes].concat();
                std::fs::write(last, text).unwrap();
                return self.reopen(&[], true);
            }
            Op::BeginCopy => {
                let entries = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap());
                let mut names: Vec<_> = entries
                    .filter(|entry| entry.file_type().unwrap().is_file())
                    .map(|entry| entry.file_name())
                    .collect();
                names.sort();
                let to = scratch();
                self.copying = Some(Copying { to, names: names.into(), floor: self.synced });
                Ok(())
            }
            Op::CopyFiles(count) => {
                self.copy_files(count);
                Ok(())
            }
        };
        if result.is_err() {
            assert!(self.faults.crashed(), "{result:?}");
            self.reopen(&doubtful, true);
        }
    }

    fn copy_files(&mut self, count: u8) {
        let Some(copying) = &mut self.copying else { return };
        for _ in 0..count {
            let Some(name) = copying.names.pop_front() else {
                let done = self.copying.take().unwrap();
                copy_archive(self.folder.path(), done.to.path());
                return self.check_copy(&done);
            };
            copy_file(&self.folder.path().join(&name), &copying.to.path().join(&name));
        }
    }

    fn check_copy(&self, copy: &Copying) {
        let opened =
            Journal::open(copy.to.path(), Options { commit_after: None, ..Options::default() }).unwrap();
        for damage in &opened.damage {
            assert!(matches!(damage, Damage::TornTail { .. }), "{damage:?}");
        }
        let there = everything(&opened.journal);
        assert!(there.len() >= copy.floor, "{} of {}", there.len(), copy.floor);
        // The copy may hold a batch whose append crashed after it was written: the next open adopts it.
        let common = there.len().min(self.model.len());
        assert_eq!(there[..common], self.model[..common]);
        assert!(common == there.len() || self.faults.crashed());
        check_replay(&opened.journal, &there);
    }
}

/// As a copier does: what is not there any more is left out.
fn copy_file(from: &Path, to: &Path) {
    if let Ok(bytes) = std::fs::read(from) {
        std::fs::write(to, bytes).unwrap();
    }
}

fn copy_archive(from: &Path, to: &Path) {
    let Ok(entries) = std::fs::read_dir(from.join("archive")) else { return };
    std::fs::create_dir_all(to.join("archive")).unwrap();
    for entry in entries {
        let entry = entry.unwrap();
        copy_file(&entry.path(), &to.join("archive").join(entry.file_name()));
    }
}

fn check_replay(journal: &Journal, all: &[(u64, u64, u64)]) {
    let all: HashMap<_, _> = all.iter().map(|(_, key, value)| (*key, *value)).collect();
    let live = journal.records(Sequence::START).map(|record| told(&record.unwrap()));
    assert_eq!(live.map(|(_, key, value)| (key, value)).collect::<HashMap<_, _>>(), all);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_journal_agrees_with_the_model(
        ops in prop::collection::vec(op(), 1..60),
        segment_bytes in prop_oneof![Just(400_u64), Just(1500), Just(1 << 20)],
    ) {
        let mut life = Life::new(segment_bytes);
        for op in ops {
            life.apply(op);
        }
        life.copying = None;
        life.reopen(&[], true);
    }
}

#[test]
fn a_folder_copied_while_threads_write_is_a_backup() {
    let folder = scratch();
    let options = || Options {
        segment_bytes: 20_000,
        commit_after: Some(Duration::from_millis(2)),
        ..Options::default()
    };
    let journal = Journal::open(folder.path(), options()).unwrap().journal;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for key in 0..4 {
            let (journal, stop) = (&journal, &stop);
            scope.spawn(move || {
                let mut value = 0;
                while !stop.load(Ordering::Relaxed) {
                    let given = journal.append(&[draft(key, value), draft(key, value + 1)]).unwrap();
                    value += 2;
                    if key == 0 {
                        journal.sync().unwrap();
                        assert!(journal.durable() >= given[1]);
                    }
                    if key == 1 && value % 200 == 0 {
                        journal.compact(&key_of).unwrap();
                    }
                    std::thread::sleep(Duration::from_micros(500));
                }
            });
        }
        for _ in 0..12 {
            let floor = journal.durable();
            let copy = scratch();
            let mut names: Vec<_> =
                std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            for name in names.iter().filter(|name| *name != "archive") {
                std::thread::sleep(Duration::from_millis(1));
                copy_file(&folder.path().join(name), &copy.path().join(name));
            }
            copy_archive(folder.path(), copy.path());
            let opened = Journal::open(copy.path(), options()).unwrap();
            let clean = opened.damage.iter().all(|damage| matches!(damage, Damage::TornTail { .. }));
            assert!(clean, "{:?}", opened.damage);
            assert!(opened.journal.head() >= floor);
            let there = everything(&opened.journal);
            // Nothing missing, nothing double.
            assert!(there.iter().map(|told| told.0).eq(1..=opened.journal.head().0));
            check_replay(&opened.journal, &there);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let there = everything(&journal);
    drop(journal);
    let opened = Journal::open(folder.path(), options()).unwrap();
    assert_eq!(opened.damage, []);
    assert_eq!(everything(&opened.journal), there);
}

#[test]
fn the_disk_has_it_soon_without_being_asked() {
    let folder = scratch();
    let journal = Journal::open(folder.path(), Options::default()).unwrap().journal;
    for value in 0..3 {
        let given = journal.append(&[draft(1, value)]).unwrap();
        let begun = std::time::Instant::now();
        while journal.durable() < given[0] {
            std::thread::sleep(Duration::from_millis(1));
            assert!(begun.elapsed() < Duration::from_secs(5));
        }
    }
}
