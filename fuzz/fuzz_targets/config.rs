#![no_main]

//! The configuration file. Only a file can be asked for, so it lies in memory.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use daemon::config::{Layer, Settings};

static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    base.join(format!("galleryfs-fuzz-config-{}.toml", std::process::id()))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    std::fs::write(&*FILE, data).unwrap();
    match Settings::resolve(Layer::default(), Some(&FILE), &|name| (name == "HOME").then(|| "/home/u".into()))
    {
        Ok(settings) => {
            assert!(settings.data.is_absolute() && settings.photos.iter().all(|path| path.is_absolute()))
        }
        Err(error) => assert!(error.to_string().contains("galleryfs-fuzz-config")),
    }
});
