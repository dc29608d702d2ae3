#![no_main]

//! Files of vectors: foreign bytes as a file, and a right file with foreign bytes written over it.
//!
//! The first byte is the width; if its highest bit is set, the rest is the file. Otherwise the rest are patches: two bytes
//! of place, one of length, and what stands there from then on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use library::vectors::{ModelName, VectorFile, VectorKey, VectorKind, check_layout};
use library::{Checksum, Embedding};

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    base.join(format!("galleryfs-fuzz-vectors-{}", std::process::id()))
});

const COUNT: u32 = 12;

fn key(number: u32) -> VectorKey {
    VectorKey::picture(Checksum::of(&number.to_le_bytes()))
}

fn embedding(number: u32, width: usize) -> Embedding {
    let values: Vec<f32> = (0..width).map(|at| ((number as usize * 31 + at * 7) % 19) as f32 - 9.3).collect();
    Embedding::new(values).unwrap()
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, mut rest)) = data.split_first() else { return };
    let width = usize::from(first & 0x7f).max(1);
    let model = ModelName::new("standin").unwrap();
    let open = || VectorFile::open(&FOLDER, VectorKind::Picture, &model, width).unwrap();
    let path = FOLDER.join("picture-standin.slots");
    let _ = fs::remove_file(&path);
    if first & 0x80 != 0 {
        check_layout(rest);
        fs::create_dir_all(&*FOLDER).unwrap();
        fs::write(&path, rest).unwrap();
    } else {
        let (file, _) = open();
        for number in 0..COUNT {
            file.put(&key(number), &embedding(number, width)).unwrap();
        }
        drop(file);
        let mut bytes = fs::read(&path).unwrap();
        while let [high, low, len, after @ ..] = rest {
            // Two bytes reach the header and the slots of every width there is here.
            let at = (usize::from(*high) << 8 | usize::from(*low)) % bytes.len();
            let len = usize::from(*len).min(after.len()).min(bytes.len() - at);
            bytes[at..at + len].copy_from_slice(&after[..len]);
            rest = &after[len..];
        }
        fs::write(&path, &bytes).unwrap();
    }
    let (file, opened) = open();
    let mut seen = 0;
    file.for_each(|_, _, values| {
        seen += 1;
        assert!(Embedding::new(values).is_ok());
    })
    .unwrap();
    assert_eq!((seen, file.len()), (opened.used, opened.used));
    for number in 0..COUNT {
        // Whatever was written over it: what is read for a key is what was put for it.
        if let Some(found) = file.get(&key(number)).unwrap() {
            assert!(found.cosine(&embedding(number, width)).unwrap() > 0.999);
        }
    }
    file.put(&key(COUNT), &embedding(COUNT, width)).unwrap();
    drop(file);
    let (file, again) = open();
    assert_eq!((again.used, again.damaged), (opened.used + 1, 0));
    assert!(file.contains(&key(COUNT)));
});
