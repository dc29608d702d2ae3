#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = media::read(&mut std::io::Cursor::new(data), "a.dng", &[]);
});
