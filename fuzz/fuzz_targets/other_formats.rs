#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some((which, rest)) = data.split_first() {
        let format = library::Format::ALL[usize::from(*which) % library::Format::ALL.len()];
        media::fuzzing::format(format, rest);
    }
});
