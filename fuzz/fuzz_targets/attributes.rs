#![no_main]

//! Values of extended attributes: what is shown of one can be set again, and then shows the same.

use fs::tree::fuzzing::{Gallery, WRITABLE};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((which, value)) = data.split_first() else { return };
    let attribute = WRITABLE[usize::from(*which) % WRITABLE.len()];
    let mut gallery = Gallery::default();
    let before = gallery.get(attribute);
    if !gallery.set(attribute, value) {
        assert_eq!(gallery.get(attribute), before, "what is refused changes nothing");
        return;
    }
    let Some(shown) = gallery.get(attribute) else { return };
    assert!(gallery.set(attribute, shown.as_bytes()), "{attribute} shows what it does not take: {shown:?}");
    assert_eq!(gallery.get(attribute), Some(shown), "{attribute}");
});
