#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((last, file)) = data.split_last() else { return };
    let format = library::Format::ALL[usize::from(*last) % library::Format::ALL.len()];
    media::fuzzing::preview(format, file);
});
