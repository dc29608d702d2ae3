//! The process stops at every single step of writing, rotating, compacting and tidying up; nothing may be lost.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::faults::Faults;
use super::segment::Span;
use super::*;

/// A folder in memory where there is one: thousands of lives are lived here, and each waits for the disk often.
pub(super) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(super) fn draft(key: u64, value: u64) -> Draft {
    Draft {
        time: None,
        actor: None,
        face: Face::Cli,
        kind: "test.set".into(),
        content: json!({ "key": key, "value": value }),
    }
}

pub(super) fn key_of(record: &Record) -> Option<String> {
    Some(record.content.get("key")?.to_string())
}

pub(super) fn options(faults: Option<Arc<Faults>>) -> Options {
    Options { segment_bytes: 600, commit_after: None, keep_replaced: Duration::ZERO, faults }
}

/// What a record says, for comparing.
pub(super) fn told(record: &Record) -> (u64, u64, u64) {
    let number = |name| record.content[name].as_u64().unwrap();
    (record.sequence.0, number("key"), number("value"))
}

pub(super) fn everything(journal: &Journal) -> Vec<(u64, u64, u64)> {
    let forward: Vec<_> = journal.history(Sequence::START).map(|record| told(&record.unwrap())).collect();
    let mut backward: Vec<_> = journal.newest().map(|record| told(&record.unwrap())).collect();
    backward.reverse();
    assert_eq!(forward, backward);
    forward
}

#[test]
fn what_was_appended_is_there_again() {
    let folder = scratch();
    let folder = &folder.path().join("truth/journal");
    let opened = Journal::open(folder, Options::default()).unwrap();
    assert!(opened.fresh);
    let library = opened.journal.library();
    assert_eq!(opened.journal.head(), Sequence::START);
    assert_eq!(opened.journal.append(&[]).unwrap(), []);
    let given = opened.journal.append(&[draft(1, 1), draft(2, 2)]).unwrap();
    assert_eq!(given, [Sequence(1), Sequence(2)]);
    opened.journal.sync().unwrap();
    assert_eq!(opened.journal.durable(), Sequence(2));
    drop(opened);
    let opened = Journal::open(folder, Options::default()).unwrap();
    assert!(!opened.fresh);
    assert_eq!(opened.damage, []);
    assert_eq!(opened.journal.library(), library);
    assert_eq!(everything(&opened.journal), [(1, 1, 1), (2, 2, 2)]);
    assert_eq!(opened.journal.records(Sequence(1)).count(), 1);
}

/// What a run has been promised.
#[derive(Default)]
struct Promised {
    /// Every record that an append gave a sequence for.
    appended: Vec<(u64, u64, u64)>,
    /// How many of them a sync has confirmed.
    synced: usize,
    /// The batch whose append did not answer with success.
    doubtful: Vec<(u64, u64)>,
}

impl Promised {
    fn append(&mut self, journal: &Journal, batch: &[(u64, u64)]) -> Result<(), JournalError> {
        let drafts: Vec<_> = batch.iter().map(|(key, value)| draft(*key, *value)).collect();
        self.doubtful = batch.to_vec();
        let given = journal.append(&drafts)?;
        self.doubtful.clear();
        self.appended.extend(given.iter().zip(batch).map(|(at, (key, value))| (at.0, *key, *value)));
        Ok(())
    }

    fn sync(&mut self, journal: &Journal) -> Result<(), JournalError> {
        journal.sync()?;
        self.synced = self.appended.len();
        Ok(())
    }

    /// Everything appended is there once, perhaps with all of the doubtful batch; nothing else is.
    fn check(&self, journal: &Journal) {
        let there = everything(journal);
        let mut with_doubtful = self.appended.clone();
        let next = self.appended.last().map_or(1, |last| last.0 + 1);
        with_doubtful.extend((next..).zip(&self.doubtful).map(|(at, (key, value))| (at, *key, *value)));
        assert!(there == self.appended || there == with_doubtful, "{there:?}\n{with_doubtful:?}");
        self.check_replay(journal, &there);
    }

    /// After a power cut: everything synced is there, and of the rest a prefix in whole batches.
    fn check_synced(&self, journal: &Journal) {
        let there = everything(journal);
        let common = there.len().min(self.appended.len());
        assert_eq!(there[..common], self.appended[..common]);
        assert!(there.len() >= self.synced, "{} of {}", there.len(), self.synced);
        assert!(there.len() <= self.appended.len() + self.doubtful.len());
        self.check_replay(journal, &there);
    }

    /// A replay of the live records comes to the same state as one of all records.
    fn check_replay(&self, journal: &Journal, there: &[(u64, u64, u64)]) {
        let all: HashMap<u64, u64> = there.iter().map(|(_, key, value)| (*key, *value)).collect();
        let live: Vec<_> = journal.records(Sequence::START).map(|record| told(&record.unwrap())).collect();
        assert!(live.is_sorted_by_key(|told| told.0));
        assert_eq!(live.iter().map(|(_, key, value)| (*key, *value)).collect::<HashMap<_, _>>(), all);
        assert_eq!(journal.head().0, there.last().map_or(0, |last| last.0));
    }
}

/// A life with everything in it.
fn live(folder: &Path, faults: &Arc<Faults>, promised: &mut Promised) -> Result<(), JournalError> {
    for round in 0..3 {
        let journal = Journal::open(folder, options(Some(Arc::clone(faults))))?.journal;
        promised.append(&journal, &[(round, 1)])?;
        for batch in 0..4 {
            promised.append(&journal, &[(batch, round), (7, batch), (batch + 10 * round, 3)])?;
            if batch == 2 {
                promised.sync(&journal)?;
            }
        }
        journal.compact(&key_of)?;
        promised.append(&journal, &[(8, round), (8, round + 1)])?;
    }
    Ok(())
}

fn steps_of_a_life() -> u64 {
    let folder = scratch();
    let faults = Arc::new(Faults::crash(u64::MAX - 1, 0));
    let mut promised = Promised::default();
    live(folder.path(), &faults, &mut promised).unwrap();
    assert!(folder.path().join("archive").read_dir().unwrap().count() > 1);
    faults.taken()
}

fn only_torn(damage: &[Damage]) {
    assert!(damage.iter().all(|damage| matches!(damage, Damage::TornTail { .. })), "{damage:?}");
}

#[test]
fn a_crash_at_any_step_loses_nothing() {
    for crash in 0..steps_of_a_life() {
        for tear in [0, 90, 255] {
            let folder = scratch();
            let faults = Arc::new(Faults::crash(crash, tear));
            let mut promised = Promised::default();
            assert!(live(folder.path(), &faults, &mut promised).is_err() || crash > 10);
            let opened = Journal::open(folder.path(), options(None)).unwrap();
            only_torn(&opened.damage);
            promised.check(&opened.journal);
            // And it goes on.
            promised.appended = everything(&opened.journal);
            promised.append(&opened.journal, &[(1, 1), (2, 2)]).unwrap();
            opened.journal.compact(&key_of).unwrap();
            promised.check(&opened.journal);
            drop(opened);
            let opened = Journal::open(folder.path(), options(None)).unwrap();
            assert_eq!(opened.damage, []);
            promised.check(&opened.journal);
        }
    }
}

#[test]
fn a_crash_while_mending_a_crash_loses_nothing() {
    for crash in 0..steps_of_a_life() {
        for second in 0..12 {
            let folder = scratch();
            let mut promised = Promised::default();
            let _ = live(folder.path(), &Arc::new(Faults::crash(crash, 128)), &mut promised);
            let again = Arc::new(Faults::crash(second, 100));
            if let Ok(opened) = Journal::open(folder.path(), options(Some(Arc::clone(&again)))) {
                only_torn(&opened.damage);
            }
            let opened = Journal::open(folder.path(), options(None)).unwrap();
            only_torn(&opened.damage);
            promised.check(&opened.journal);
        }
    }
}

#[test]
fn a_power_cut_at_any_step_loses_nothing_synced() {
    for crash in 0..steps_of_a_life() {
        for (keep, zeros) in [(0, false), (50, false), (50, true), (99, false)] {
            let folder = scratch();
            let faults = Arc::new(Faults::crash(crash, 128));
            let mut promised = Promised::default();
            let _ = live(folder.path(), &faults, &mut promised);
            for entry in folder.path().read_dir().unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() || Span::of_name(entry.file_name().unwrap().to_str().unwrap()).is_none() {
                    continue;
                }
                let file = std::fs::OpenOptions::new().write(true).open(&entry).unwrap();
                let len = file.metadata().unwrap().len();
                let durable = faults.durable_len(&file).unwrap();
                let kept = durable + len.saturating_sub(durable) * keep / 100;
                file.set_len(kept.min(len)).unwrap();
                if zeros {
                    file.set_len(len).unwrap();
                }
            }
            let opened = Journal::open(folder.path(), options(None)).unwrap();
            only_torn(&opened.damage);
            promised.check_synced(&opened.journal);
        }
    }
}

#[test]
fn a_full_disk_refuses_a_batch_and_takes_the_next() {
    for truncate_fails in [false, true] {
        let folder = scratch();
        let mut promised = Promised::default();
        let faults = Arc::new(Faults::fail("write", 2, 1, libc::ENOSPC));
        let journal = Journal::open(folder.path(), options(Some(Arc::clone(&faults)))).unwrap().journal;
        promised.append(&journal, &[(1, 1)]).unwrap();
        promised.sync(&journal).unwrap();
        if truncate_fails {
            faults.fail_also("truncate");
        }
        let error = promised.append(&journal, &[(2, 2), (3, 3)]).unwrap_err();
        assert!(matches!(error, JournalError::NotWritten { .. }), "{error}");
        assert!(error.to_string().contains("Make room"));
        promised.doubtful.clear();
        promised.check(&journal);
        assert_eq!(journal.incidents().len(), usize::from(truncate_fails));
        promised.append(&journal, &[(4, 4)]).unwrap();
        promised.check(&journal);
        drop(journal);
        let opened = Journal::open(folder.path(), options(None)).unwrap();
        assert_eq!(opened.damage, []);
        promised.check(&opened.journal);
    }
}

#[test]
fn a_failed_sync_is_made_good_in_a_fresh_segment() {
    // The second sync is the first after the segment's creation.
    let folder = scratch();
    let mut promised = Promised::default();
    let faults = Arc::new(Faults::fail("sync", 1, 1, libc::EIO));
    let journal = Journal::open(folder.path(), options(Some(Arc::clone(&faults)))).unwrap().journal;
    let path = folder.path().join("00000001.journal");
    let header = std::fs::metadata(&path).unwrap().len();
    promised.append(&journal, &[(1, 1), (2, 2)]).unwrap();
    promised.sync(&journal).unwrap();
    assert_eq!(journal.incidents().len(), 1);
    promised.append(&journal, &[(3, 3)]).unwrap();
    promised.check(&journal);
    drop(journal);
    // What the disk did not take reads as anything; here, as zeros.
    for lost in [0, 30] {
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let len = file.metadata().unwrap().len();
        file.set_len(header + lost).unwrap();
        file.set_len(len).unwrap();
        let opened = Journal::open(folder.path(), options(None)).unwrap();
        assert_eq!(opened.damage, []);
        promised.check(&opened.journal);
        opened.journal.compact(&key_of).unwrap();
        promised.check(&opened.journal);
    }
}

#[test]
fn a_disk_that_stays_away_is_said_to_everyone_who_waits_and_taken_back_when_it_returns() {
    let folder = scratch();
    let mut promised = Promised::default();
    let faults = Arc::new(Faults::fail("sync", 1, 3, libc::EIO));
    let journal = Journal::open(folder.path(), options(Some(faults))).unwrap().journal;
    promised.append(&journal, &[(1, 1)]).unwrap();
    assert!(matches!(journal.sync(), Err(JournalError::Wounded { .. })));
    assert!(matches!(journal.append(&[draft(2, 2)]), Err(JournalError::Wounded { .. })));
    promised.check(&journal);
    promised.append(&journal, &[(3, 3)]).unwrap();
    promised.sync(&journal).unwrap();
    drop(journal);
    let opened = Journal::open(folder.path(), options(None)).unwrap();
    assert_eq!(opened.damage, []);
    promised.check(&opened.journal);
}

#[test]
fn a_rotation_that_fails_half_way_hides_nothing() {
    for step in ["create", "write", "sync", "rename", "sync_dir"] {
        for left in 0..4 {
            let folder = scratch();
            let mut promised = Promised::default();
            // Creation takes one of each step, the parent's folder one sync_dir more.
            let faults = Arc::new(Faults::fail(step, 2 + left, 1, libc::ENOSPC));
            let journal = Journal::open(folder.path(), options(Some(faults))).unwrap().journal;
            for value in 0..12 {
                if promised.append(&journal, &[(1, value), (2, value)]).is_err() {
                    promised.doubtful.clear();
                }
                let _ = journal.rotate();
            }
            promised.check(&journal);
            drop(journal);
            let opened = Journal::open(folder.path(), options(None)).unwrap();
            assert_eq!(opened.damage, []);
            promised.check(&opened.journal);
        }
    }
}

/// A file system of 64 KiB, for as long as this lives.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        use rustix::mount::{MountFlags, mount};
        let folder = scratch();
        mount("tmpfs", folder.path(), "tmpfs", MountFlags::empty(), Some(c"size=64k")).ok()?;
        Some(Self(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.0.path(), rustix::mount::UnmountFlags::DETACH);
    }
}

#[test]
fn a_disk_that_is_really_full_loses_nothing() {
    let Some(small) = Small::mount() else {
        println!("skipped: mounting a tmpfs takes root");
        return;
    };
    let folder = small.0.path().join("journal");
    let ballast = small.0.path().join("ballast");
    for segment_bytes in [4_000, 1 << 20] {
        std::fs::write(&ballast, vec![1; 12_000]).unwrap();
        let options = || Options { segment_bytes, ..options(None) };
        let mut promised = Promised::default();
        let journal = Journal::open(&folder, options()).unwrap().journal;
        let mut refused = 0;
        for value in 0..400 {
            if promised.append(&journal, &[(1, value), (value, 2), (value, 3)]).is_err() {
                promised.doubtful.clear();
                refused += 1;
            }
        }
        assert!(refused > 0);
        promised.check(&journal);
        // Room again: it goes on by itself.
        std::fs::remove_file(&ballast).unwrap();
        promised.append(&journal, &[(5, 5)]).unwrap();
        promised.sync(&journal).unwrap();
        drop(journal);
        let opened = Journal::open(&folder, options()).unwrap();
        assert_eq!(opened.damage, []);
        promised.check(&opened.journal);
        drop(opened);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
