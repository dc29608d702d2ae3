#![no_main]

//! A whole journal, opened from a folder of foreign files.
//!
//! A line `@` and a digit begins the next file (the digit picks its name); a line that begins with `=` gets its right
//! checksum, any other stands as it is. Without these two no fuzzer would ever get past a first line.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use library::journal::{Draft, Face, Journal, Options, Sequence};

const NAMES: [&str; 6] = [
    "00000001.journal",
    "00000002.journal",
    "00000003.journal",
    "00000001-00000002.journal",
    "archive/00000001-00000002.journal",
    "00000004.journal.tmp",
];

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    base.join(format!("galleryfs-fuzz-journal-{}", std::process::id()))
});

fn write_files(folder: &Path, data: &[u8]) {
    let mut files: Vec<(usize, Vec<u8>)> = vec![(0, Vec::new())];
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        match line {
            [b'@', which, b'\n'] => {
                files.push((usize::from(which.wrapping_sub(b'0')) % NAMES.len(), Vec::new()))
            }
            [b'=', rest @ ..] => {
                let (text, end) = match rest {
                    [text @ .., b'\n'] => (text, &b"\n"[..]),
                    text => (text, &b""[..]),
                };
                let sum = blake3::hash(text).to_hex();
                let file = &mut files.last_mut().unwrap().1;
                for part in [text, b" ", &sum.as_bytes()[..16], end] {
                    file.extend_from_slice(part);
                }
            }
            line => files.last_mut().unwrap().1.extend_from_slice(line),
        }
    }
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder.join("archive")).unwrap();
    for (which, bytes) in files {
        if !bytes.is_empty() {
            fs::write(folder.join(NAMES[which]), bytes).unwrap();
        }
    }
}

fn live(journal: &Journal) -> Vec<library::journal::Record> {
    let records: Vec<_> = journal.records(Sequence::START).map(Result::unwrap).collect();
    assert!(records.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    assert!(records.iter().all(|record| record.sequence <= journal.head()));
    records
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    write_files(&FOLDER, data);
    let options = || Options { commit_after: None, keep_replaced: Duration::ZERO, ..Options::default() };
    let Ok(opened) = Journal::open(&FOLDER, options()) else { return };
    let journal = opened.journal;
    let mut before = live(&journal);
    let history = journal.history(Sequence::START).map(Result::unwrap).count();
    assert!(history >= before.len(), "the history holds what is live");
    let newest: Vec<_> = journal.newest().map(|record| record.unwrap().sequence).collect();
    assert!(newest.windows(2).all(|pair| pair[0] > pair[1]));
    if journal.read_only().is_none() {
        // Whatever lies there: a decision made now is kept, and what was readable stays so.
        let draft = Draft {
            actor: None,
            face: Face::Cli,
            time: None,
            kind: "album.rename".into(),
            content: serde_json::json!({ "name": "Rome" }),
        };
        let sequence = journal.append(&[draft]).unwrap()[0];
        journal.sync().unwrap();
        let record = live(&journal).pop().unwrap();
        assert_eq!((record.sequence, record.kind.as_str()), (sequence, "album.rename"));
        before.push(record);
    }
    drop(journal);
    // A damaged compaction may be undone only now that something follows it, so more may be there than before.
    let again = Journal::open(&FOLDER, options()).unwrap();
    let after = live(&again.journal);
    assert_eq!(after.last(), before.last());
    assert!(before.iter().all(|record| after.iter().any(|same| same.sequence == record.sequence)));
});
