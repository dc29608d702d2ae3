#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // The last byte chooses, so that a sample stands where its format expects it.
    if let Some((which, rest)) = data.split_last() {
        let format = library::Format::ALL[usize::from(*which) % library::Format::ALL.len()];
        media::fuzzing::format(format, rest);
    }
});
