//! Files that want something fetched, read or run while they are decoded. Somebody listens, and must hear nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod child;

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use child::decoders;
use media::decoder::{DecodeError, Derived, Limits, Request, derive};

#[test]
fn serves_as_a_decoder() {
    child::serve_if_started_for_it(derive);
}

/// Whoever calls at a port of this machine.
struct Listener {
    port: u16,
    heard: Arc<AtomicUsize>,
}

impl Listener {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&heard);
        thread::spawn(move || {
            for _caller in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, heard }
    }

    fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    fn heard(&self) -> usize {
        // Whoever called has been let in by now.
        thread::sleep(Duration::from_millis(200));
        self.heard.load(Ordering::SeqCst)
    }
}

fn ask(bytes: &[u8], name: &str) -> Result<Derived, DecodeError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let decoders = decoders(1, Limits { time: Duration::from_secs(30), ..Limits::default() });
    let request =
        Request { file_name: name.to_owned(), orientation: None, thumbnails: true, picture_short_side: None };
    decoders.derive(&File::open(path).unwrap(), &request)
}

/// Two seconds of video with sound, as ffmpeg writes it: 64 by 48 pixels, red above blue.
fn video(folder: &Path, name: &str, more: &[&str]) -> Vec<u8> {
    let path = folder.join(name);
    let picture = "color=red:s=64x24:r=10:d=2[a];color=blue:s=64x24:r=10:d=2[b];[a][b]vstack";
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", "anullsrc=r=8000:d=2", "-filter_complex", picture])
        .args(more)
        .arg(&path)
        .status()
        .expect("ffmpeg, which scripts/install-dependencies test installs");
    assert!(status.success());
    fs::read(path).unwrap()
}

/// The boxes of a movie, with every data reference pointing elsewhere.
fn referring_to(movie: &[u8], url: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at + 8 <= movie.len() {
        let size = u32::from_be_bytes(movie[at..at + 4].try_into().unwrap()) as usize;
        let kind = &movie[at + 4..at + 8];
        let body = &movie[at + 8..at + size];
        let body = match kind {
            b"moov" | b"trak" | b"mdia" | b"minf" | b"dinf" => referring_to(body, url),
            b"dref" => {
                let entry = [&[0; 4][..], url.as_bytes(), &[0]].concat();
                [&body[..8], &(entry.len() as u32 + 8).to_be_bytes(), b"url ", &entry].concat()
            }
            _ => body.to_vec(),
        };
        out.extend((body.len() as u32 + 8).to_be_bytes());
        out.extend(kind);
        out.extend(body);
        at += size;
    }
    out
}

#[test]
fn a_movie_whose_pictures_lie_on_a_server() {
    let listener = Listener::new();
    let folder = tempfile::tempdir().unwrap();
    let honest = video(folder.path(), "a.mov", &["-c:v", "mjpeg", "-c:a", "pcm_s16le"]);
    assert!(ask(&honest, "honest.mov").is_ok());
    let hostile = referring_to(&honest, &listener.url("pictures.mov"));
    assert!(hostile.windows(4).any(|window| window == b"http"));
    // It shows nothing, or what is in the file itself: all the same, as long as nobody is asked.
    let _ = ask(&hostile, "hostile.mov");
    assert_eq!(listener.heard(), 0);
    // A file of this machine is not read either.
    let secret = referring_to(&honest, "file:///etc/hostname");
    let _ = ask(&secret, "secret.mov");
}

#[test]
fn playlists_that_call_themselves_movies() {
    let listener = Listener::new();
    let playlist =
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n", listener.url("a.ts"));
    assert_eq!(ask(playlist.as_bytes(), "list.mp4"), Err(DecodeError::UnknownFormat));
    let in_a_box = [&b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"[..], playlist.as_bytes()].concat();
    assert!(matches!(ask(&in_a_box, "list.mp4"), Err(DecodeError::Damaged(_))));
    let concat = format!("ffconcat version 1.0\nfile {}\n", listener.url("b.mp4"));
    assert_eq!(ask(concat.as_bytes(), "list.mov"), Err(DecodeError::UnknownFormat));
    // What begins like a stream of another kind, and goes on as a playlist.
    let mut stream = vec![0u8; 188 * 4];
    stream.iter_mut().step_by(188).for_each(|byte| *byte = 0x47);
    stream.extend(playlist.as_bytes());
    assert!(ask(&stream, "list.ts").is_err());
    assert_eq!(listener.heard(), 0);
}

#[test]
fn a_drawing_that_wants_pictures_from_a_server() {
    let listener = Listener::new();
    let drawing = format!(
        "<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a SYSTEM '{0}'>]><svg xmlns='http://www.w3.org/2000/svg' \
         xmlns:xlink='http://www.w3.org/1999/xlink' width='9' height='9'><image xlink:href='{0}' width='9' \
         height='9'/>&a;</svg>",
        listener.url("a.png")
    );
    let reason = ask(drawing.as_bytes(), "drawing.svg").unwrap_err();
    assert!(matches!(reason, DecodeError::Unsupported(_)), "{reason:?}");
    // With a name that promises something else it is still a drawing.
    assert_eq!(ask(drawing.as_bytes(), "drawing.jpg").unwrap_err(), reason);
    assert_eq!(listener.heard(), 0);
}

/// The listener hears what is to be heard: ffmpeg, unconfined and told that it may, calls it.
#[test]
fn the_listener_would_hear_it() {
    let listener = Listener::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.m3u8");
    let mut file = File::create(&path).unwrap();
    write!(file, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n", listener.url("a.ts"))
        .unwrap();
    let mut ffprobe = Command::new("ffprobe")
        .args(["-v", "quiet", "-protocol_whitelist", "file,http,tcp"])
        .arg(&path)
        .stdin(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut waited = 0;
    while listener.heard() == 0 && waited < 100 {
        waited += 1;
    }
    let _ = ffprobe.kill();
    let _ = ffprobe.wait();
    assert!(listener.heard() > 0);
}

#[test]
fn a_video_gives_a_frame_its_length_and_its_codec() {
    let folder = tempfile::tempdir().unwrap();
    let kinds: [(&str, &[&str], &str); 5] = [
        ("a.mp4", &["-c:v", "mpeg4", "-c:a", "aac"], "mpeg4"),
        ("a.mkv", &["-c:v", "mjpeg", "-c:a", "pcm_s16le"], "mjpeg"),
        ("a.avi", &["-c:v", "mpeg4", "-c:a", "pcm_s16le"], "mpeg4"),
        ("a.ts", &["-c:v", "mpeg2video", "-c:a", "mp2", "-ar", "16000", "-r", "25"], "mpeg2video"),
        ("a.flv", &["-c:v", "flv", "-an"], "flv1"),
    ];
    for (name, more, codec) in kinds {
        let bytes = video(folder.path(), name, more);
        let derived = ask(&bytes, name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let facts = derived.video.unwrap();
        assert_eq!(facts.codec.as_deref(), Some(codec), "{name}");
        let seconds = facts.duration.unwrap().as_secs_f64();
        assert!((1.8..2.4).contains(&seconds), "{name}: {seconds}");
        assert_eq!((derived.full.width, derived.full.height), (64, 48), "{name}");
        let (above, below) = ends(&derived.thumbnails.unwrap().large);
        assert!(
            above[0] > 180 && above[2] < 80 && below[2] > 180 && below[0] < 80,
            "{name}: {above:?} {below:?}"
        );
    }
}

/// A pixel near the upper left corner of a thumbnail, and one near the lower left.
fn ends(thumbnail: &[u8]) -> ([u8; 3], [u8; 3]) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(thumbnail).unwrap();
    let picture = media::pixels::decode(&file, "", None, None).unwrap().picture;
    let pixel = |x: u32, y: u32| {
        let at = (y * picture.width() + x) as usize * 3;
        picture.rgb()[at..at + 3].try_into().unwrap()
    };
    (pixel(4, 4), pixel(4, picture.height() - 5))
}

#[test]
fn a_phones_video_is_turned_upright() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = video(folder.path(), "a.mp4", &["-c:v", "mpeg4", "-an"]);
    // A quarter clockwise, as a phone held upright writes it: the matrix of the track's header.
    let header = bytes.windows(4).position(|window| window == b"tkhd").unwrap() + 4;
    let fixed = |value: i32| value.to_be_bytes();
    let matrix = [0, 0x10000, 0, -0x10000, 0, 0, 48 << 16, 0, 0x4000_0000].map(fixed).concat();
    bytes[header + 40..header + 76].copy_from_slice(&matrix);
    let derived = ask(&bytes, "a.mp4").unwrap();
    assert_eq!((derived.full.width, derived.full.height), (48, 64));
    // What was above is now at the right.
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&derived.thumbnails.unwrap().large).unwrap();
    let picture = media::pixels::decode(&file, "", None, None).unwrap().picture;
    assert_eq!((picture.width(), picture.height()), (48, 64));
    let left = &picture.rgb()[(32 * 48 + 4) * 3..][..3];
    let right = &picture.rgb()[(32 * 48 + 43) * 3..][..3];
    assert!(left[2] > 180 && right[0] > 180, "{left:?} {right:?}");
}

#[test]
fn sound_without_a_picture_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mp4");
    let sound = ["-v", "error", "-f", "lavfi", "-i", "anullsrc=r=8000:d=1", "-c:a", "aac"];
    assert!(Command::new("ffmpeg").args(sound).arg(&path).status().unwrap().success());
    let reason = ask(&fs::read(path).unwrap(), "a.mp4").unwrap_err();
    assert_eq!(reason, DecodeError::Damaged("it has no picture in it, only sound".to_owned()));
}
