#![no_main]

//! Templates of where new files go: whatever the day, what they say are folders that can be made and are looked into.

use daemon::importing::Layout;
use daemon::pipeline::names::is_ignored_folder;
use jiff::civil::Date;

const DAYS: [Option<Date>; 4] = [None, Some(Date::constant(2024, 5, 1)), Some(Date::MIN), Some(Date::MAX)];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(layout) = text.parse::<Layout>() else { return };
    assert_eq!(layout.to_string().parse::<Layout>().as_ref(), Ok(&layout));
    for day in DAYS {
        for folder in layout.folders(day) {
            assert!((1..=255).contains(&folder.len()), "{folder:?}");
            assert!(!folder.contains(|c: char| c == '/' || c.is_control()), "{folder:?}");
            assert!(!is_ignored_folder(folder.as_bytes()), "{folder:?}");
        }
    }
});
