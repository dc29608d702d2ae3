#![no_main]

//! A line as it is, and the same with a right checksum, which no fuzzer would guess.

use library::journal::{BadLine, MAX_LINE, parse_line};

fn sealed(text: &[u8]) -> Vec<u8> {
    let sum = blake3::hash(text).to_hex();
    [text, b" ", &sum.as_bytes()[..16]].concat()
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = parse_line(data);
    let line = sealed(data);
    match parse_line(&line) {
        Ok(record) => {
            assert!(record.sequence.get() > 0 && line.len() <= MAX_LINE);
            // Whatever was read can be written, and reads as the same.
            let more = if record.continues { "+" } else { "" };
            let actor = record.actor.map_or("-".to_owned(), |actor| actor.to_string());
            let content = serde_json::to_string(&record.content).unwrap();
            let again = format!(
                "{}{more} {} {actor} {} {} {content}",
                record.sequence, record.time, record.face, record.kind
            );
            assert_eq!(parse_line(&sealed(again.as_bytes())), Ok(record), "{again}");
        }
        Err(error) => assert_ne!(error, BadLine::Checksum),
    }
});
