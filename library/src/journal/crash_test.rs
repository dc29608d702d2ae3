//! The process stops at every single step of writing, rotating, compacting and tidying up; nothing may be lost.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::faults::Faults;
use super::*;

pub(super) fn draft(key: u64, value: u64) -> Draft {
    Draft {
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
    let folder = tempfile::tempdir().unwrap();
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
