//! Bad input: none of it stops or slows the rest, each is named with its reason.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use galleryfs_tests::{Jpeg, Site, eventually};

/// A JPEG whose EXIF is these bytes.
fn with_exif(exif: &[u8]) -> Vec<u8> {
    let plain = Jpeg::new(77).bytes();
    let mut file = vec![0xff, 0xd8, 0xff, 0xe1];
    file.extend((exif.len() as u16 + 8).to_be_bytes());
    file.extend(b"Exif\0\0");
    file.extend(exif);
    file.extend(&plain[2..]);
    file
}

fn cyclic_directory() -> Vec<u8> {
    // One entry, and the next directory is this one again.
    let mut tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x0e\0\x02\0\0\0\x04abc\0".to_vec();
    tiff.extend(8_u32.to_be_bytes());
    with_exif(&tiff)
}

fn huge_header() -> Vec<u8> {
    let mut file = Jpeg::new(5).bytes();
    let at = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    file[at + 5..at + 9].copy_from_slice(&[0x57, 0x00, 0x57, 0x00]);
    file
}

fn deep_xml() -> Vec<u8> {
    let mut text = String::from("<x:xmpmeta xmlns:x='adobe:ns:meta/'>");
    text.push_str(&"<a>".repeat(100_000));
    text.into_bytes()
}

#[test]
fn what_is_wrong_with_one_file_is_no_matter_to_the_others() {
    let site = Site::default();
    let good = 30;
    for seed in 0..good {
        site.photo(&format!("good/{seed}.jpg"), &Jpeg::new(1000 + seed).taken("2024:05:01 10:20:30"));
    }
    let whole = Jpeg::new(4).taken("2024:05:01 10:20:30").padding(5000).bytes();
    let named: [(&str, Vec<u8>); 8] = [
        ("bad/empty.jpg", Vec::new()),
        ("bad/text.jpg", b"this is a letter, not a photo".to_vec()),
        ("bad/zeros.mp4", vec![0; 10_000]),
        ("bad/noise.heic", (0..5000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()),
        ("bad/start.png", b"\x89PNG\r\n\x1a\n".to_vec()),
        ("bad/start.tif", b"II*\0\xff\xff\xff\xff".to_vec()),
        ("bad/start.mov", b"\0\0\0\x14ftypqt  ".to_vec()),
        ("bad/half.jpg", whole[..20].to_vec()),
    ];
    for (path, bytes) in &named {
        site.put(path, bytes);
    }
    // What is odd, and still a photo.
    site.put("odd/cyclic.jpg", &cyclic_directory());
    site.put("odd/huge.jpg", &huge_header());
    site.put("odd/really-a-jpeg.png", &Jpeg::new(6).bytes());
    site.put("odd/deep.jpg", &Jpeg::new(7).bytes());
    site.put("odd/deep.jpg.xmp", &deep_xml());
    site.put("odd/deep.jpg.json", "[".repeat(100_000).as_bytes());
    site.put("odd/new\nline.jpg", &Jpeg::new(8).bytes());
    let strange = site.photos().join("odd").join(std::ffi::OsStr::from_bytes(b"caf\xe9.jpg"));
    std::fs::write(&strange, Jpeg::new(9).bytes()).unwrap();
    // What is none of ours.
    std::os::unix::fs::symlink("/etc/passwd", site.photos().join("odd/link.jpg")).unwrap();
    std::os::unix::fs::symlink(site.photos(), site.photos().join("odd/loop")).unwrap();
    let fifo = rustix::fs::mknodat(
        rustix::fs::CWD,
        site.photos().join("odd/pipe.jpg"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    );
    fifo.unwrap();

    let daemon = site.up();
    daemon.settle();
    let status = site.status().unwrap();
    let unreadable = status["unreadable"].as_array().unwrap();
    let reasons: Vec<(String, String)> = unreadable
        .iter()
        .map(|file| (file["path"].as_str().unwrap().to_owned(), file["reason"].as_str().unwrap().to_owned()))
        .collect();
    let listed = site.list();
    let is_listed = |name: &str| {
        listed.iter().any(|asset| {
            asset["paths"].as_array().unwrap().iter().any(|path| path.as_str().unwrap().ends_with(name))
        })
    };
    for (path, _) in &named {
        let warned = listed.iter().any(|asset| {
            asset["paths"][0].as_str().unwrap().ends_with(path)
                && !asset["warnings"].as_array().unwrap().is_empty()
        });
        let reason = reasons.iter().find(|(file, _)| file.ends_with(path));
        assert!(
            warned || reason.is_some_and(|(_, reason)| reason.len() > 5),
            "{path} is named nowhere: {reasons:#?}"
        );
    }
    for odd in ["cyclic.jpg", "huge.jpg", "really-a-jpeg.png", "deep.jpg", "new\nline.jpg", "caf\u{fffd}.jpg"]
    {
        assert!(is_listed(odd), "{odd} is missing; unreadable: {reasons:#?}");
    }
    let odd =
        listed.iter().find(|asset| asset["paths"][0].as_str().unwrap().ends_with("caf\u{fffd}.jpg")).unwrap();
    assert!(odd["paths_raw"][0].as_str().unwrap().ends_with("caf%E9.jpg"), "{odd}");
    assert!(!is_listed("link.jpg") && !is_listed("pipe.jpg"));
    let goods = listed.iter().filter(|asset| asset["paths"][0].as_str().unwrap().contains("/good/")).count();
    assert_eq!(goods as u64, good);
    // Human output shows no control characters.
    assert!(site.ask(&["list"]).out.contains("new\\nline.jpg"));
    assert!(daemon.stop().success());
}

#[test]
fn a_file_nobody_may_read_is_named_until_it_may_be_read() {
    // Root may read everything: `user_mount.rs` tries this as a normal user.
    if !rustix::process::geteuid().is_root() {
        check_unreadable(&Site::default());
    }
}

fn check_unreadable(site: &Site) {
    let path = site.photo("closed.jpg", &Jpeg::new(1));
    let allow = |mode: u32| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    allow(0);
    let daemon = site.up();
    daemon.settle();
    let named = || site.status().unwrap()["unreadable"].as_array().unwrap().len();
    eventually("the closed file", &1, named);
    allow(0o600);
    eventually("the opened file", &0, named);
    assert!(daemon.stop().success());
}

/// Every file of the sample collection that is malformed on purpose.
#[test]
fn malformed_samples_do_no_harm() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/photos/heif");
    if !samples.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "the sample photos are missing: {}", samples.display());
        eprintln!("skipped: no {}", samples.display());
        return;
    }
    let site = Site::default();
    let copied =
        std::process::Command::new("cp").arg("-r").arg(&samples).arg(site.photos()).status().unwrap();
    assert!(copied.success());
    site.index();
    let status = site.status().unwrap();
    let files = galleryfs_tests::folder::names(site.photos()).len() as u64;
    assert!(status["assets"].as_u64().unwrap() > 50, "{files} files, {status}");
    for file in status["unreadable"].as_array().unwrap() {
        assert!(file["reason"].as_str().unwrap().len() > 5, "{file}");
    }
}
