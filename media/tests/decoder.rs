//! Decoders in processes of their own: what one file does to them, it does to no other file.
//!
//! The children are this very test program, started to run `serves_as_a_decoder` alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod child;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use child::decoders;
use media::decoder::{DecodeError, Decoders, Derived, Limits, Request, derive};
use media::pixels::Picture;
use media::thumbnails::{self, PREVIEW_SHORT_SIDE};

#[test]
fn serves_as_a_decoder() {
    child::serve_if_started_for_it(misbehave);
}

/// A decoder that some file names drive mad.
fn misbehave(file: &File, request: &Request) -> Result<Derived, DecodeError> {
    match request.file_name.as_str() {
        "crash.jpg" => std::process::abort(),
        "hang.jpg" => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        "grandchild.jpg" => {
            // As ffmpeg would: a process that outlives the answer.
            let pid = std::process::Command::new("sleep").arg("1000").spawn().unwrap().id();
            Err(DecodeError::Damaged(pid.to_string()))
        }
        "hungry.jpg" => {
            let mut eaten = Vec::new();
            loop {
                eaten.push(vec![1u8; 64 << 20]);
            }
        }
        "rights.jpg" => Err(DecodeError::Damaged(rights())),
        _ => derive(file, request),
    }
}

/// What a decoder may do of what it should not, in words.
fn rights() -> String {
    let mut may = Vec::new();
    if std::net::TcpStream::connect("127.0.0.1:9").is_err_and(|error| error.raw_os_error() == Some(111)) {
        may.push("connect");
    }
    if std::net::UdpSocket::bind("127.0.0.1:0").is_ok() {
        may.push("bind");
    }
    if std::os::unix::net::UnixDatagram::unbound().is_ok() {
        may.push("unix socket");
    }
    if std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default().contains("NoNewPrivs:\t0") {
        may.push("gain privileges");
    }
    if has_landlock() && tempfile::tempfile().is_ok() {
        may.push("write");
    }
    let nice = rustix::process::getpriority_process(None).unwrap_or(0);
    if nice < 10 {
        may.push("come first");
    }
    format!("may: {}", may.join(", "))
}

/// Whether the kernel knows Landlock: without it, what is written is not forbidden.
fn has_landlock() -> bool {
    use landlock::{ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _};
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    ruleset.handle_access(AccessFs::from_all(ABI::V1)).is_ok()
}

fn request(file_name: &str) -> Request {
    Request {
        file_name: file_name.to_owned(),
        orientation: None,
        thumbnails: true,
        picture_short_side: Some(PREVIEW_SHORT_SIDE),
    }
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// A photo of 200 by 100 pixels, red at the left and blue at the right.
fn photo() -> File {
    let row = (0..200).flat_map(|x| if x < 100 { [250, 5, 5] } else { [5, 5, 250] });
    let rgb = row.collect::<Vec<u8>>().repeat(100);
    file_of(&thumbnails::make(&Picture::new(200, 100, rgb).unwrap()).unwrap().preview)
}

#[test]
fn a_child_does_what_this_process_would() {
    let decoders = decoders(1, Limits::default());
    let photo = photo();
    let derived = decoders.derive(&photo, &request("photo.jpg")).unwrap();
    assert_eq!(derived, derive(&photo, &request("photo.jpg")).unwrap());
    assert_eq!((derived.full.width, derived.full.height), (200, 100));
    let picture = derived.picture.unwrap();
    assert!(picture.rgb()[0] > 200 && picture.rgb()[picture.rgb().len() - 1] > 200);
    assert!(derived.thumbnails.unwrap().small.starts_with(b"RIFF"));
    // Only what was asked for comes back.
    let bare = Request { thumbnails: false, picture_short_side: None, ..request("photo.jpg") };
    let bare = decoders.derive(&photo, &bare).unwrap();
    assert!(bare.thumbnails.is_none() && bare.picture.is_none());
    let small = Request { thumbnails: false, picture_short_side: Some(10), ..request("photo.jpg") };
    let small = decoders.derive(&photo, &small).unwrap().picture.unwrap();
    assert_eq!((small.width(), small.height()), (20, 10));
    // The same child did all of it.
    assert_eq!(decoders.idle(), 1);
}

#[test]
fn a_crash_a_hang_and_a_glutton_cost_one_file_each() {
    let limits = Limits { time: Duration::from_secs(3), memory: 1 << 30 };
    let decoders = decoders(2, limits);
    let photo = photo();
    let before = decoders.derive(&photo, &request("photo.jpg")).unwrap();
    for _ in 0..2 {
        let crashed = decoders.derive(&photo, &request("crash.jpg")).unwrap_err();
        assert_eq!(crashed, DecodeError::Crashed("ended by signal 6".to_owned()));
        assert!(crashed.may_pass());
        let hung = decoders.derive(&photo, &request("hang.jpg")).unwrap_err();
        assert_eq!(hung, DecodeError::TimedOut { seconds: 3 });
        let hungry = decoders.derive(&photo, &request("hungry.jpg")).unwrap_err();
        assert!(matches!(hungry, DecodeError::Crashed(_)), "{hungry:?}");
        assert_eq!(decoders.derive(&photo, &request("photo.jpg")).unwrap(), before);
    }
}

#[test]
fn others_go_on_while_one_hangs_and_no_more_than_allowed_at_a_time() {
    // Decoders come last on a busy machine, so even a small photo may wait for seconds.
    let limits = Limits { time: Duration::from_secs(20), ..Limits::default() };
    let decoders = decoders(2, limits);
    let photo = photo();
    std::thread::scope(|scope| {
        let hung = scope.spawn(|| decoders.derive(&photo, &request("hang.jpg")));
        let photos: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..3).all(|_| decoders.derive(&photo, &request("photo.jpg")).is_ok())))
            .collect();
        assert!(photos.into_iter().all(|photo| photo.join().unwrap()));
        assert!(!hung.is_finished());
        assert!(matches!(hung.join().unwrap(), Err(DecodeError::TimedOut { .. })));
    });
    assert_eq!(decoders.idle(), 1);
}

#[test]
fn a_decoder_has_no_network_no_privileges_and_comes_last() {
    let decoders = decoders(1, Limits::default());
    let error = decoders.derive(&photo(), &request("rights.jpg")).unwrap_err();
    assert_eq!(error, DecodeError::Damaged("may: ".to_owned()));
}

#[test]
fn what_a_decoder_started_ends_with_it() {
    let decoders = decoders(1, Limits::default());
    let Err(DecodeError::Damaged(pid)) = decoders.derive(&photo(), &request("grandchild.jpg")) else {
        panic!()
    };
    let alive = |pid: &str| {
        let mut status = String::new();
        let file = File::open(format!("/proc/{pid}/stat"));
        file.is_ok_and(|mut file| file.read_to_string(&mut status).is_ok() && !status.contains(") Z "))
    };
    assert!(alive(&pid));
    drop(decoders);
    let end = Instant::now() + Duration::from_secs(20);
    while alive(&pid) {
        assert!(Instant::now() < end, "process {pid} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn bombs_and_rubbish_are_refused_by_reason() {
    let decoders = decoders(1, Limits::default());
    let reason =
        |bytes: &[u8], name: &str| decoders.derive(&file_of(bytes), &request(name)).unwrap_err().to_string();
    // A JPEG's frame header that claims 65,500 by 65,500 pixels.
    let mut bomb =
        b"\xFF\xD8\xFF\xC0\0\x11\x08\xFF\xDC\xFF\xDC\x03\x01\x22\0\x02\x11\x01\x03\x11\x01".to_vec();
    bomb.extend(b"\xFF\xDA\0\x0C\x03\x01\0\x02\x11\x03\x11\0\x3F\0");
    bomb.extend([0; 100]);
    assert_eq!(
        reason(&bomb, "a.jpg"),
        "has 65500 x 65500 pixels, more than the 210 million galleryfs decodes"
    );
    // The same of a PNG and a GIF.
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0DIHDR\0\x01\0\0\0\x01\0\0\x08\x02\0\0\0".to_vec();
    let check = crc32(&png[12..]);
    png.extend(check.to_be_bytes());
    png.extend(b"\0\0\0\x01IDAT\0\x12\x34\x56\x78");
    assert_eq!(
        reason(&png, "a.png"),
        "has 65536 x 65536 pixels, more than the 210 million galleryfs decodes"
    );
    let gif = b"GIF89a\xFF\xFF\xFF\xFF\0\0\0,\0\0\0\0\xFF\xFF\xFF\xFF\0\x02\0\0;";
    assert_eq!(reason(gif, "a.gif"), "has 65535 x 65535 pixels, more than the 210 million galleryfs decodes");
    assert_eq!(reason(b"hello", "a.jpg"), "is not a picture or video galleryfs knows");
    assert!(reason(b"\xFF\xD8\xFF\xE0", "a.jpg").starts_with("is damaged: "));
    assert!(reason(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg").contains("SVG"));
    assert!(reason(b"II*\0\x08\0\0\0\0\0\0\0\0\0", "a.nef").contains("raw file without a preview"));
    assert_eq!(decoders.idle(), 1);
}

#[test]
fn large_pictures_take_turns_and_are_decoded_all_the_same() {
    // 81 megapixels of one colour: 243 MB of samples, more than fits beside others.
    let mut png = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    let samples = vec![77; 9000 * 9000 * 3];
    image::ImageEncoder::write_image(encoder, &samples, 9000, 9000, image::ExtendedColorType::Rgb8).unwrap();
    drop(samples);
    let large = file_of(&png);
    let decoders = decoders(2, Limits::default());
    let bare = Request { thumbnails: false, picture_short_side: Some(10), ..request("large.png") };
    std::thread::scope(|scope| {
        let both: Vec<_> = (0..2).map(|_| scope.spawn(|| decoders.derive(&large, &bare))).collect();
        for derived in both {
            let derived = derived.join().unwrap().unwrap();
            assert_eq!((derived.full.width, derived.full.height), (9000, 9000));
            assert!(derived.picture.unwrap().rgb().iter().all(|value| *value == 77));
        }
    });
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 },
        )
    })
}

#[test]
fn a_program_that_is_no_decoder_is_an_error_and_not_the_files_fault() {
    let one = NonZeroUsize::new(1).unwrap();
    for (program, args) in
        [("/bin/false", vec![]), ("/nowhere/galleryfs", vec![]), ("/bin/cat", vec!["/dev/null".into()])]
    {
        let decoders = Decoders::new(program.into(), args, one);
        let error = decoders.derive(&photo(), &request("photo.jpg")).unwrap_err();
        assert!(matches!(error, DecodeError::NoDecoder(_)) && error.may_pass(), "{error:?}");
    }
}
