#![no_main]

//! What comes with a model, and what servers answer: configurations, the hub's listing, the answers to `/predict`.

use vision::clip::configuration::{Preprocessing, TextConfiguration};
use vision::models::hub;
use vision::remote;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(how) = Preprocessing::parse(data) {
        assert!(how.side >= 16 && how.std.iter().all(|value| *value > 0.0));
    }
    if let Ok((context_length, ..)) = TextConfiguration::parse_config(data) {
        assert!(context_length >= 2);
    }
    let _ = TextConfiguration::parse_pad_token(data);
    if let Ok(files) = hub::parse(data) {
        for file in files {
            assert!(!file.path.starts_with('/') && !file.path.split('/').any(|part| part.starts_with('.')));
        }
    }
    if let Ok(embedding) = remote::clip_answer(data) {
        let length: f32 = embedding.as_slice().iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-3);
    }
    let _ = remote::faces_answer(data);
});
