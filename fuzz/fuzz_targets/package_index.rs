#![no_main]

//! A package index's page, in both forms, and pip's configuration.

use vision::runtime::pull::index::{in_html, in_json, join};
use vision::runtime::pull::pip::Options;

const FILE: &str = "x-1.whl";

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for reference in [in_json(data, FILE), in_html(data, FILE)].into_iter().flatten() {
        if let Some(url) = join("https://host/simple/x/", &reference) {
            assert!(url.starts_with("https://") || url.starts_with("http://"));
        }
    }
    let text = String::from_utf8_lossy(data);
    let _ = Options::parse(&text).get("index-url");
    if let Some((page, reference)) = text.split_once('\n') {
        let _ = join(page, reference);
    }
});
