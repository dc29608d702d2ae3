#![no_main]

//! Names in the mount: a file system can hold them, and ordinals keep them apart.

use library::names::{folded, ordinal_of, shown, split_extension, with_ordinal};

fn stands_in_a_folder(name: &str) {
    assert!((1..=255).contains(&name.len()), "{name:?}");
    assert!(!matches!(name, "." | ".."), "{name:?}");
    assert!(!name.contains(|c: char| c == '/' || c.is_control()), "{name:?}");
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (number, bytes) = data.split_at(data.len().min(2));
    let number = number.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    let name = shown(bytes);
    stands_in_a_folder(&name);
    assert_eq!(shown(name.as_bytes()), name, "shown is settled");
    let (stem, extension) = split_extension(&name);
    assert_eq!(format!("{stem}{extension}"), name);
    assert_eq!(folded(&folded(&name)), folded(&name), "folding is settled");
    assert_eq!(ordinal_of(&name, &name), 1);
    let second = with_ordinal(&name, number);
    stands_in_a_folder(&second);
    // What had to be cut to make room may end as it did: whoever names things tries the next ordinal then.
    let fits = name.len() + format!(" ({number})").len() <= 255;
    if number > 1 && fits {
        assert_ne!(second, name);
        if let (_, kept) = split_extension(&second)
            && kept == extension
        {
            assert_eq!(ordinal_of(&second, &name), number, "{second:?}");
        }
        assert_ne!(folded(&second), folded(&with_ordinal(&name, number + 1)));
    }
});
