//! Searches, asked as the command line asks them: a connection to the daemon's socket each.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use galleryfs_tests::{Random, Site};
use serde_json::json;

use crate::photos::{CAMERAS, WORDS, name};
use crate::table::{Table, duration};
use crate::timing::{median, percentile, time};

/// Searches of each kind.
const EACH: usize = 100;

/// Commands that are timed as a whole.
const COMMANDS: usize = 20;

/// Results asked for: what `galleryfs search` shows.
const LIMIT: usize = 50;

/// A kind of query, and one of it.
type Kind = (&'static str, fn(&mut Random) -> String);

const KINDS: &[Kind] = &[
    ("a word", |random| word(random).to_owned()),
    ("two words", |random| format!("{} {}", word(random), word(random))),
    ("a phrase", |random| format!("\"{} {}\"", word(random), word(random))),
    ("the beginning of a word", |random| format!("{}*", &word(random)[..2])),
    ("a word, mistyped", |random| format!("{}x", word(random))),
    ("a file name", |random| name(random.below(10_000))),
    ("a word not", |random| format!("{} -{}", word(random), word(random))),
    ("a word, a year", |random| format!("{} date:{}", word(random), year(random))),
    ("a word, a camera, a place", |random| format!("{} camera:{} place:italy", word(random), camera(random))),
    ("a year", |random| format!("date:{}", year(random))),
    ("a camera", |random| format!("camera:{}", camera(random))),
    ("a range, a place", |random| format!("date:{}-03.. place:berlin", year(random))),
    ("part of a name", |random| format!("name:{}", random.below(1000))),
];

fn word(random: &mut Random) -> &'static str {
    random.pick(WORDS).copied().unwrap_or_default()
}

fn year(random: &mut Random) -> usize {
    2005 + random.below(20)
}

fn camera(random: &mut Random) -> &'static str {
    random.pick(CAMERAS).map(|(make, _)| make.split(' ').next().unwrap_or(make)).unwrap_or_default()
}

/// Median and 99th percentile of all, and the kind that takes longest.
pub(crate) fn measure(site: &Site, size: usize, table: &mut Table) {
    let mut random = Random::new(3);
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); KINDS.len()];
    let mut found = 0;
    // The first ten of each warm the daemon up.
    for round in 0..EACH + 10 {
        for ((_, query), times) in KINDS.iter().zip(&mut times) {
            let query = query(&mut random);
            let took = time(|| found += ask(site, &query));
            if round >= 10 {
                times.push(took);
            }
        }
    }
    let all: Vec<Duration> = times.iter().flatten().copied().collect();
    let (p50, p99) = (median(&all), percentile(&all, 99));
    if size > crate::WHOLE {
        table.row("search, p50", duration(p50)).budget("<= 50 ms", p50 <= Duration::from_millis(50));
        table.row("search, p99", duration(p99));
    } else {
        table.row("search, p50", duration(p50)).budget("<= 10 ms", p50 <= Duration::from_millis(10));
        table.row("search, p99", duration(p99)).budget("<= 40 ms", p99 <= Duration::from_millis(40));
    }
    let commands: Vec<Duration> = (0..COMMANDS)
        .map(|_| {
            let query = format!("{} date:{}", word(&mut random), year(&mut random));
            time(|| assert_eq!(site.ask(&["search", "--json", &query]).code, Some(0)))
        })
        .collect();
    table.row("`galleryfs search` as a command, p50", duration(median(&commands)));
    let mut kinds: Vec<_> =
        KINDS.iter().zip(&times).map(|((kind, _), times)| (median(times), kind)).collect();
    kinds.sort();
    let kinds: Vec<String> =
        kinds.iter().rev().map(|(took, kind)| format!("{kind} {}", duration(*took))).collect();
    table.note(format!(
        "Searches by kind, p50 ({} results each on average): {}.",
        found / (KINDS.len() * (EACH + 10)),
        kinds.join(", ")
    ));
}

/// Asks; how many were found.
fn ask(site: &Site, query: &str) -> usize {
    let mut stream = UnixStream::connect(site.data().join("socket")).expect("the daemon listens");
    let request = json!({ "ask": "search", "query": query, "limit": LIMIT });
    writeln!(stream, "{request}").expect("it hears");
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("an answer"));
    let mut items = 0;
    loop {
        let line = lines.next().expect("an end");
        if line.starts_with("{\"end\"") {
            assert!(line.contains("\"exit\":0"), "{query}: {line}");
            return items;
        }
        items += 1;
    }
}
