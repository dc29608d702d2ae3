#![no_main]

//! Sidecars that are written: one of any bytes is refused, or says afterwards what was decided, and then stays as it is.

use jiff::civil::date;
use jiff::tz::Offset;
use library::metadata::{Rating, TagPath, Taken, Zone, ZoneSource};
use media::sidecar::writing::{Decided, Field, merged};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assert!(!matches!(merged(Some(data), &Decided::default()), Ok(Some(_))), "nothing was decided");
    let tag = |parts: &[&str]| TagPath::new(parts);
    let zone = Zone { offset: Offset::constant(2), source: ZoneSource::User };
    let usual = Decided {
        rating: Field::Set(Rating::new(3).expect("three stars").into()),
        tags: Field::Set([tag(&["Places", "Rome"]), tag(&["dog"])].into_iter().flatten().collect()),
        description: Field::Set("a caption".to_owned()),
        taken: Field::Set(Taken { local: date(2020, 1, 2).at(3, 4, 5, 60_000_000), zone: Some(zone) }),
    };
    let nothing = Decided {
        rating: Field::Removed,
        tags: Field::Removed,
        description: Field::Removed,
        taken: Field::Removed,
    };
    // Words of the file itself, as decided: what stands at its end, and every line of that a tag.
    let end = String::from_utf8_lossy(&data[data.len().saturating_sub(60)..]).into_owned();
    let own = Decided {
        rating: Field::Set(Rating::new(i64::from(data.len() as u8 % 6)).expect("up to five stars").into()),
        tags: Field::Set(end.lines().filter_map(|line| TagPath::new(line.split(','))).collect()),
        description: Field::Set(end),
        taken: Field::Set(Taken { local: date(2001, 2, 3).at(4, 5, 6, 0), zone: None }),
    };
    let mut before = data.to_vec();
    for decided in [&usual, &own, &nothing, &usual] {
        let Ok(written) = merged(Some(&before), decided) else { return };
        if let Some(bytes) = written {
            assert_ne!(bytes, before, "written for nothing");
            assert_eq!(merged(Some(&bytes), decided), Ok(None), "written twice");
            media::fuzzing::xmp(&bytes);
            before = bytes;
        }
    }
});
