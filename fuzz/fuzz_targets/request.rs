#![no_main]

//! What comes in over the daemon's socket, and what a command believes of the answer.

use daemon::request::{Frame, Request};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(request) = serde_json::from_slice::<Request>(data) {
        let line = serde_json::to_string(&request).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Request>(&line).unwrap(), request);
    }
    if let Ok(frame) = serde_json::from_slice::<Frame>(data) {
        serde_json::to_string(&frame).unwrap();
    }
});
