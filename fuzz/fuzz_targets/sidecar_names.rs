#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let dir: Vec<&str> = text.lines().collect();
        for name in dir.iter().take(20) {
            media::sidecar::of_photo(name, &dir);
            media::sidecar::photos_of(name, &dir);
            media::sidecar::is_sidecar_name(name);
        }
    }
});
