//! What open finds, and what it makes of it: the recovery table of docs/journal.md, line by line.

use std::fs::{read, read_to_string, write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::crash_test::{draft, everything, key_of, options, scratch};
use super::record::seal_line;
use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    /// Four segments of a batch of three each; the last one grows.
    fn new() -> Self {
        let folder = Self(scratch());
        let journal = folder.open().journal;
        for round in 0..4 {
            journal.append(&[draft(1, round), draft(2, round), draft(10 + round, round)]).unwrap();
            if round < 3 {
                journal.rotate().unwrap();
            }
        }
        drop(journal);
        folder
    }

    fn open(&self) -> Opened {
        Journal::open(self.0.path(), options(None)).unwrap()
    }

    fn segment(&self, number: u64) -> PathBuf {
        self.0.path().join(format!("{number:08}.journal"))
    }

    fn sequences(&self) -> Vec<u64> {
        everything(&self.open().journal).iter().map(|told| told.0).collect()
    }

    fn edit(&self, number: u64, edit: impl FnOnce(&mut Vec<String>)) {
        let mut lines: Vec<_> =
            read_to_string(self.segment(number)).unwrap().lines().map(str::to_owned).collect();
        edit(&mut lines);
        lines.push(String::new());
        write(self.segment(number), lines.join("\n")).unwrap();
    }
}

#[test]
fn only_the_owner_can_read_it() {
    let folder = scratch();
    let path = folder.path().join("truth/journal");
    drop(Journal::open(&path, options(None)).unwrap());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(path.join("00000001.journal").metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_torn_last_line_is_cut_and_kept_beside() {
    let folder = Folder::new();
    let whole = read(folder.segment(4)).unwrap();
    for torn in [&b"13 2026-11-23T05:26"[..], b"\0\0\0\0", b"\xff"] {
        write(folder.segment(4), [&whole, torn].concat()).unwrap();
        let opened = folder.open();
        let [Damage::TornTail { bytes, kept, .. }] = &opened.damage[..] else {
            panic!("{:?}", opened.damage)
        };
        assert_eq!(*bytes, torn.len() as u64);
        assert_eq!(read(kept).unwrap(), torn);
        assert!(opened.damage[0].to_string().contains("torn-13"));
        assert_eq!(opened.journal.head(), Sequence(12));
        drop(opened);
        assert_eq!(read(folder.segment(4)).unwrap(), whole);
    }
    assert_eq!(folder.open().damage, []);
}

#[test]
fn a_batch_of_which_a_part_is_missing_is_cut_whole() {
    let folder = Folder::new();
    folder.edit(4, |lines| lines.truncate(3));
    let opened = folder.open();
    let [Damage::TornTail { kept, .. }] = &opened.damage[..] else { panic!("{:?}", opened.damage) };
    assert_eq!(read_to_string(kept).unwrap().lines().count(), 2);
    assert_eq!(opened.journal.head(), Sequence(9));
    assert_eq!(opened.journal.append(&[draft(1, 1)]).unwrap(), [Sequence(10)]);
}

#[test]
fn a_bad_record_in_the_middle_is_skipped_kept_and_reported() {
    let folder = Folder::new();
    folder.edit(2, |lines| lines[2] = lines[2].replace("test.set", "test.get"));
    let before = read(folder.segment(2)).unwrap();
    for _ in 0..2 {
        let opened = folder.open();
        let segment = "00000002.journal".to_owned();
        assert_eq!(opened.damage, [Damage::BadRecord { segment, line: 3, reason: BadLine::Checksum }]);
        let there: Vec<_> = everything(&opened.journal).iter().map(|told| told.0).collect();
        assert_eq!(there, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]);
        assert!(matches!(opened.journal.compact(&key_of), Err(JournalError::Damaged { .. })));
    }
    assert_eq!(read(folder.segment(2)).unwrap(), before);
    // Given up by a person, it is not reported again, and compaction goes on.
    folder.edit(2, |lines| lines[2] = format!("# lost 5 {}", lines[2]));
    let opened = folder.open();
    assert_eq!(opened.damage, []);
    assert!(opened.journal.compact(&key_of).unwrap().archived > 0);
    drop(opened);
    let opened = folder.open();
    assert_eq!(opened.damage, []);
    assert_eq!(everything(&opened.journal).len(), 11);
    assert!(!folder.segment(2).exists());
    let archive = folder.0.path().join("archive").read_dir().unwrap().next().unwrap().unwrap().path();
    assert!(read_to_string(archive).unwrap().contains("# lost 5 5+ 20"), "the note is kept");
}

#[test]
fn a_bad_last_line_keeps_its_sequence() {
    let folder = Folder::new();
    folder.edit(4, |lines| lines[3] = lines[3].replace("test.set", "test.get"));
    let opened = folder.open();
    assert!(matches!(&opened.damage[..], [Damage::BadRecord { line: 4, .. }]), "{:?}", opened.damage);
    assert_eq!(opened.journal.append(&[draft(1, 1)]).unwrap(), [Sequence(13)]);
    drop(opened);
    assert_eq!(folder.open().damage.len(), 1);
    // Restored, everything is there.
    folder.edit(4, |lines| lines[3] = lines[3].replace("test.get", "test.set"));
    assert_eq!(folder.open().damage, []);
    assert_eq!(folder.sequences(), (1..=13).collect::<Vec<_>>());
}

#[test]
fn lost_and_doubled_lines_show_by_their_sequence() {
    let folder = Folder::new();
    folder.edit(2, |lines| drop(lines.remove(2)));
    assert_eq!(folder.open().damage, [Damage::MissingRecords { first: Sequence(5), last: Sequence(5) }]);
    let folder = Folder::new();
    folder.edit(2, |lines| lines.insert(3, lines[1].clone()));
    let opened = folder.open();
    assert!(matches!(&opened.damage[..], [Damage::BadRecord { line: 4, reason: BadLine::Backwards, .. }]));
    assert_eq!(opened.journal.history(Sequence::START).count(), 12);
}

#[test]
fn a_missing_segment_is_reported_and_the_rest_used() {
    for number in 1..=3 {
        let folder = Folder::new();
        std::fs::remove_file(folder.segment(number)).unwrap();
        let opened = folder.open();
        let (first, last) = (Sequence(number * 3 - 2), Sequence(number * 3));
        let gap = Damage::MissingSegments { first: number, last: number };
        assert_eq!(opened.damage, [gap, Damage::MissingRecords { first, last }]);
        assert_eq!(everything(&opened.journal).len(), 9);
        assert!(opened.journal.compact(&key_of).is_err());
    }
}

#[test]
fn a_newer_format_makes_everything_read_only_and_touches_nothing() {
    let folder = Folder::new();
    write(folder.segment(5), "galleryfs-journal 2 of things unknown\n???\n").unwrap();
    let torn = [read(folder.segment(3)).unwrap(), b"torn".to_vec()].concat();
    write(folder.segment(3), &torn).unwrap();
    write(folder.0.path().join("00000006.journal.tmp"), "").unwrap();
    let names = || folder.0.path().read_dir().unwrap().count();
    let before = names();
    let opened = folder.open();
    let reason = opened.journal.read_only().unwrap();
    assert!(reason.contains("00000005.journal was written by a newer galleryfs"), "{reason}");
    assert!(matches!(opened.journal.append(&[draft(1, 1)]), Err(JournalError::ReadOnly { .. })));
    assert!(matches!(opened.journal.compact(&key_of), Err(JournalError::ReadOnly { .. })));
    opened.journal.sync().unwrap();
    assert_eq!(everything(&opened.journal).len(), 12);
    drop(opened);
    assert_eq!(names(), before);
    assert_eq!(read(folder.segment(3)).unwrap(), torn);
}

#[test]
fn the_library_above_can_make_it_read_only() {
    let folder = Folder::new();
    let journal = folder.open().journal;
    journal.mark_read_only("update galleryfs");
    journal.mark_read_only("never mind");
    let error = journal.append(&[draft(1, 1)]).unwrap_err();
    assert_eq!(error.to_string(), "the library is read-only: update galleryfs");
}

#[test]
fn a_damaged_first_line_costs_no_record() {
    for number in 1..=4 {
        let folder = Folder::new();
        folder.edit(number, |lines| lines[0].push('x'));
        let opened = folder.open();
        let segment = format!("{number:08}.journal");
        assert_eq!(opened.damage, [Damage::BadHeader { segment }]);
        assert_eq!(everything(&opened.journal).len(), 12);
        assert_eq!(opened.journal.append(&[draft(1, 1)]).unwrap(), [Sequence(13)]);
        drop(opened);
        assert_eq!(folder.sequences(), (1..=13).collect::<Vec<_>>());
    }
}

#[test]
fn no_first_line_at_all_is_an_error_that_says_what_to_do() {
    let folder = scratch();
    write(folder.path().join("00000001.journal"), "hello\n").unwrap();
    let error = Journal::open(folder.path(), options(None)).unwrap_err();
    assert!(matches!(error, JournalError::NoHeader { .. }));
    assert!(error.to_string().contains("backup"));
}

#[test]
fn an_archive_alone_is_no_fresh_library() {
    let folder = Folder::new();
    folder.open().journal.compact(&key_of).unwrap();
    drop(folder.open());
    for entry in folder.0.path().read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_file() {
            std::fs::remove_file(entry).unwrap();
        }
    }
    assert!(matches!(Journal::open(folder.0.path(), options(None)), Err(JournalError::NoSegments { .. })));
}

#[test]
fn a_segment_of_another_library_is_ignored() {
    let (folder, other) = (Folder::new(), Folder::new());
    std::fs::copy(other.segment(2), folder.segment(2)).unwrap();
    let opened = folder.open();
    assert!(matches!(opened.damage[0], Damage::Foreign { .. }), "{:?}", opened.damage);
    assert_eq!(everything(&opened.journal).len(), 9);
    // Nor is one that stands where our next would.
    let folder = Folder::new();
    let file = read_to_string(other.segment(4)).unwrap();
    let (_, records) = file.split_once('\n').unwrap();
    let mut line = file.lines().next().unwrap().replace("segment=4", "segment=5").into_bytes();
    line.truncate(line.len() - 17);
    seal_line(&mut line, 0);
    let theirs = [&line, records.as_bytes()].concat();
    write(folder.segment(5), &theirs).unwrap();
    let opened = folder.open();
    assert!(matches!(&opened.damage[..], [Damage::Foreign { .. }]), "{:?}", opened.damage);
    opened.journal.rotate().unwrap();
    assert_eq!(opened.journal.append(&[draft(1, 1)]).unwrap(), [Sequence(13)]);
    drop(opened);
    assert_eq!(read(folder.segment(5)).unwrap(), theirs);
    assert_eq!(folder.sequences(), (1..=13).collect::<Vec<_>>());
}

#[test]
fn those_who_wait_at_once_share_a_wait() {
    let folder = scratch();
    let faults = std::sync::Arc::new(super::faults::Faults::fail("sync", u64::MAX - 1, 0, 0));
    let options = Options { segment_bytes: 1 << 20, ..options(Some(std::sync::Arc::clone(&faults))) };
    let journal = Journal::open(folder.path(), options).unwrap().journal;
    faults.slow(Duration::from_millis(5));
    std::thread::scope(|scope| {
        for key in 0..16 {
            let journal = &journal;
            scope.spawn(move || {
                for value in 0..10 {
                    let given = journal.append(&[draft(key, value)]).unwrap();
                    journal.sync().unwrap();
                    assert!(journal.durable() >= given[0]);
                }
            });
        }
    });
    assert!(faults.taken() < 100, "{} for 160", faults.taken());
}

#[test]
fn a_copy_broken_off_in_the_first_line_is_set_aside() {
    let folder = Folder::new();
    write(folder.segment(5), "galleryfs-jour").unwrap();
    let opened = folder.open();
    assert!(matches!(&opened.damage[..], [Damage::TornTail { bytes: 14, .. }]), "{:?}", opened.damage);
    assert_eq!(everything(&opened.journal).len(), 12);
}

fn compacted(keep: bool) -> (Folder, PathBuf) {
    let folder = Folder::new();
    let journal = folder.open().journal;
    let report = journal.compact(&key_of).unwrap();
    assert_eq!((report.segments, report.live, report.archived), (4, 6, 6));
    // Nothing new: nothing to do.
    assert_eq!(journal.compact(&key_of).unwrap().archived, 0);
    assert_eq!(journal.records(Sequence::START).count(), 6);
    drop(journal);
    let path = folder.0.path().join("00000001-00000004.journal");
    assert!(path.exists() && folder.segment(1).exists());
    if !keep {
        assert_eq!(folder.open().damage, []);
        assert!(path.exists() && !folder.segment(1).exists());
    }
    (folder, path)
}

#[test]
fn what_was_compacted_is_kept_for_the_time_of_a_copy() {
    let (folder, path) = compacted(true);
    let options = Options { keep_replaced: Duration::from_secs(60), ..options(None) };
    assert_eq!(Journal::open(folder.0.path(), options).unwrap().damage, []);
    assert!(path.exists() && folder.segment(1).exists());
    assert_eq!(folder.sequences(), (1..=12).collect::<Vec<_>>());
    assert!(path.exists() && !folder.segment(1).exists());
}

#[test]
fn lines_move_byte_for_byte() {
    let folder = Folder::new();
    let strange = "13 2027-01-01T00:00:00.000Z - web of.the-future {\"b\" : 1.50, \"a\":\t[1e2]}";
    let mut line = strange.as_bytes().to_vec();
    seal_line(&mut line, 0);
    write(folder.segment(4), [read(folder.segment(4)).unwrap(), line.clone()].concat()).unwrap();
    let journal = folder.open().journal;
    assert!(journal.compact(&key_of).unwrap().archived > 0);
    drop(journal);
    drop(folder.open());
    let text = read_to_string(folder.0.path().join("00000001-00000004.journal")).unwrap();
    assert!(text.contains(std::str::from_utf8(&line).unwrap()), "{text}");
}

#[test]
fn a_compaction_that_went_wrong_is_undone_while_it_can_be() {
    let damage: [fn(&PathBuf); 4] = [
        |path| write(path, read_to_string(path).unwrap().replace("test.set", "test.get")).unwrap(),
        |path| {
            write(path, read_to_string(path).unwrap().lines().take(3).collect::<Vec<_>>().join("\n"))
                .unwrap();
        },
        |path| {
            let archive = path.parent().unwrap().join("archive");
            std::fs::remove_dir_all(archive).unwrap();
        },
        |path| {
            let text = read_to_string(path).unwrap();
            write(path, text.lines().take(1).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        },
    ];
    for damage in damage {
        let (folder, path) = compacted(true);
        damage(&path);
        let opened = folder.open();
        assert!(
            matches!(&opened.damage[..], [Damage::BadCompaction { undone: true, .. }]),
            "{:?}",
            opened.damage
        );
        assert!(!path.exists() && folder.segment(1).exists());
        assert_eq!(everything(&opened.journal).len(), 12);
        drop(opened);
        let opened = folder.open();
        assert_eq!(opened.damage, []);
        assert!(opened.journal.compact(&key_of).unwrap().archived > 0);
        drop(opened);
        assert_eq!(folder.sequences(), (1..=12).collect::<Vec<_>>());
    }
}

#[test]
fn a_compaction_that_went_bad_later_is_reported_and_used() {
    let (folder, path) = compacted(false);
    let text = read_to_string(&path).unwrap().replacen("test.set", "test.get", 1);
    write(&path, text).unwrap();
    let opened = folder.open();
    assert!(matches!(&opened.damage[..], [Damage::BadRecord { line: 2, .. }]), "{:?}", opened.damage);
    assert_eq!(everything(&opened.journal).len(), 11);
}

#[test]
fn a_bad_compaction_is_not_undone_for_half_of_what_it_replaced() {
    let (folder, path) = compacted(true);
    std::fs::remove_file(folder.segment(2)).unwrap();
    write(&path, read_to_string(&path).unwrap().replacen("test.set", "test.get", 1)).unwrap();
    let opened = folder.open();
    let undone = |damage: &Damage| matches!(damage, Damage::BadCompaction { undone, .. } if !undone);
    assert!(opened.damage.iter().any(undone), "{:?}", opened.damage);
    assert!(path.exists() && folder.segment(1).exists());
    assert_eq!(everything(&opened.journal).len(), 11);
}

/// Found by fuzzing: numbering began again below the hidden records, and hid what was decided then.
#[test]
fn a_decision_behind_a_compaction_that_lost_its_contents_is_not_hidden_later() {
    let (folder, path) = compacted(true);
    for number in 5.. {
        if std::fs::remove_file(folder.segment(number)).is_err() {
            break;
        }
    }
    write(&path, "nothing of it can be read\n").unwrap();
    let opened = folder.open();
    assert_eq!(everything(&opened.journal).len(), 12);
    let decided = opened.journal.append(&[draft(77, 77)]).unwrap();
    opened.journal.sync().unwrap();
    assert_eq!(decided, [Sequence(13)]);
    drop(opened);
    assert_eq!(folder.sequences(), (1..=13).collect::<Vec<_>>());
    assert_eq!(folder.sequences(), (1..=13).collect::<Vec<_>>());
}

/// Found by fuzzing: with a bad record among what a damaged compaction hides, numbering began again at 1, and a later
/// open showed the old records after the new.
#[test]
fn what_a_damaged_compaction_hides_keeps_its_sequences() {
    let (folder, path) = compacted(true);
    for number in 5.. {
        if std::fs::remove_file(folder.segment(number)).is_err() {
            break;
        }
    }
    folder.edit(2, |lines| lines[2].insert(0, '-'));
    write(&path, "nothing of it can be read\n").unwrap();
    let opened = folder.open();
    assert_eq!(opened.journal.records(Sequence::START).count(), 0);
    assert_eq!(opened.journal.append(&[draft(77, 77)]).unwrap(), [Sequence(13)]);
    opened.journal.sync().unwrap();
    drop(opened);
    assert_eq!(folder.sequences().last(), Some(&13));
    assert_eq!(folder.sequences().last(), Some(&13));
}

#[test]
fn the_newest_come_first_and_sequences_start_where_asked() {
    let (folder, _) = compacted(false);
    let journal = folder.open().journal;
    let newest: Vec<_> = journal.newest().take(5).map(|record| record.unwrap().sequence.0).collect();
    assert_eq!(newest, [12, 11, 10, 9, 8]);
    for after in 0..13 {
        let since: Vec<_> =
            journal.history(Sequence(after)).map(|record| record.unwrap().sequence.0).collect();
        assert_eq!(since, (after + 1..=12).collect::<Vec<_>>());
        let live: Vec<_> =
            journal.records(Sequence(after)).map(|record| record.unwrap().sequence.0).collect();
        assert!(live.iter().all(|sequence| *sequence > after) && (after > 11 || live.last() == Some(&12)));
    }
}

#[test]
fn what_could_not_be_read_back_is_not_taken() {
    let folder = Folder::new();
    let journal = folder.open().journal;
    let with = |content, kind: &str| Draft { content, kind: kind.into(), ..draft(1, 1) };
    let mut deep = serde_json::Value::Null;
    for _ in 0..100 {
        deep = serde_json::Value::Array(vec![deep]);
    }
    assert!(matches!(journal.append(&[draft(1, 1), with(deep, "a")]), Err(JournalError::TooDeep)));
    let long = serde_json::Value::String("x".repeat(MAX_LINE));
    assert!(matches!(journal.append(&[with(long, "a")]), Err(JournalError::TooLarge { .. })));
    for kind in ["", "two words", "Big", "1st", &"a".repeat(65)] {
        assert!(matches!(journal.append(&[with(1.into(), kind)]), Err(JournalError::Kind { .. })));
    }
    assert_eq!(journal.head(), Sequence(12));
    let most = serde_json::Value::String("x".repeat(MAX_LINE - 300));
    journal.append(&[with(most, &"a".repeat(64))]).unwrap();
    drop(journal);
    assert_eq!(folder.open().damage, []);
    assert_eq!(folder.open().journal.newest().next().unwrap().unwrap().sequence, Sequence(13));
}
