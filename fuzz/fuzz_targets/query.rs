#![no_main]

//! Queries: what is shown of one reads as the same, and half typed ones are never an error.

use jiff::civil::Date;
use library::query::{Mode, Query};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let today = Date::constant(2024, 5, 17);
    let typed = Query::parse(text, Mode::Typing, today).expect("nothing typed is an error");
    match Query::parse(text, Mode::Strict, today) {
        Ok(query) => {
            let shown = query.to_string();
            assert_eq!(Query::parse(&shown, Mode::Strict, today).as_ref(), Ok(&query), "shown as {shown}");
            query.spoken();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let shown = typed.to_string();
    assert_eq!(Query::parse(&shown, Mode::Strict, today).as_ref(), Ok(&typed), "shown as {shown}");
});
