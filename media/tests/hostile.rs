//! Files that lie: whatever the bytes, reading ends soon, allocates little, and does not panic.

use std::fs;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use media::{SidecarBytes, read};
use proptest::prelude::*;

/// A file of which only the beginning is there: cheap to cut at many lengths.
fn read_cut(bytes: &[u8], len: usize, name: &str) {
    let _ = read(&mut Cursor::new(&bytes[..len]), name, &[]);
}

fn sample_files(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/photos").join(folder), &mut found);
    found.sort();
    found
}

/// A small valid JPEG with EXIF, XMP and IPTC.
fn jpeg() -> Vec<u8> {
    let segment = |marker: u8, body: &[u8]| {
        let mut out = vec![0xFF, marker];
        out.extend((body.len() as u16 + 2).to_be_bytes());
        out.extend(body);
        out
    };
    let mut exif = b"Exif\0\0".to_vec();
    exif.extend(tiff(&[(0x010f, 2, 6, 0), (0x0112, 3, 1, 6), (0x8769, 4, 1, 8)]));
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<rdf:RDF><rdf:Description xmp:Rating='3'><dc:subject><rdf:Bag><rdf:li>a</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF>";
    let iptc = b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\x08\x1C\x02\x19\0\x03dog";
    [
        vec![0xFF, 0xD8],
        segment(0xE1, &exif),
        segment(0xE1, xmp),
        segment(0xED, iptc),
        segment(0xC0, &[8, 0, 32, 0, 48, 3, 1, 0x11, 0]),
        segment(0xDA, &[1, 1, 0, 0, 63, 0]),
        vec![1, 2, 3, 0xFF, 0xD9],
    ]
    .concat()
}

fn tiff(entries: &[(u16, u16, u32, u32)]) -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend(0u32.to_le_bytes());
    out
}

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

#[test]
fn the_small_jpeg_is_read() {
    let read = read(&mut Cursor::new(jpeg()), "a.jpg", &[]).unwrap();
    assert_eq!(read.rating.unwrap().stars(), 3);
    assert_eq!(read.orientation.get(), 6);
    assert_eq!(read.tags.len(), 2);
    let size = read.size.unwrap();
    assert_eq!((size.width, size.height), (32, 48));
    assert!(read.picture.is_some());
}

#[test]
fn an_edited_caption_leaves_the_picture_hash_alone() {
    let hash = |bytes: Vec<u8>| read(&mut Cursor::new(bytes), "a.jpg", &[]).unwrap().picture;
    let mut edited = jpeg();
    let at = edited.windows(10).position(|window| window == b"Rating='3'").unwrap();
    edited[at + 8] = b'5';
    assert_eq!(hash(jpeg()), hash(edited));
    let mut painted = jpeg();
    let len = painted.len();
    painted[len - 4] = 9;
    assert_ne!(hash(jpeg()), hash(painted));
}

#[test]
fn samples_cut_anywhere() {
    let files = sample_files("formats");
    if files.is_empty() {
        println!("skipped: no sample photos");
        return;
    }
    for path in files {
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Every 7th byte where the headers are, wider steps in the picture behind them.
        let (mut len, start) = (0, Instant::now());
        while len < bytes.len() && start.elapsed() < Duration::from_secs(2) {
            read_cut(&bytes, len, &name);
            len += if len < 3_000 { 7 } else { 7 + len / 5 };
        }
    }
}

#[test]
fn a_heif_table_that_names_the_whole_file_a_thousand_times() {
    let item =
        |id: u8, kind: &[u8; 4]| boxed(b"infe", &[&[2, 0, 0, 0, 0, id, 0, 0], &kind[..], b"\0"].concat());
    let iinf = boxed(b"iinf", &[&[0, 0, 0, 0, 0, 2], &item(1, b"hvc1")[..], &item(2, b"Exif")].concat());
    // No offsets and no lengths: each extent takes no bytes and is the whole file.
    let iloc = boxed(b"iloc", &[0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0x40, 0, 0, 2, 0, 0, 0, 9]);
    let meta = boxed(b"meta", &[&[0; 4], &iinf[..], &iloc].concat());
    let bytes =
        [&boxed(b"ftyp", b"heic\0\0\0\0heic")[..], &meta, &boxed(b"mdat", &vec![7; 8 << 20])].concat();
    let start = Instant::now();
    let read = read(&mut Cursor::new(bytes), "a.heic", &[]).unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(read.picture, None);
}

#[test]
fn malformed_heif_files() {
    for path in sample_files("heif") {
        let start = Instant::now();
        let _ = read(&mut fs::File::open(&path).unwrap(), &path.to_string_lossy(), &[]);
        assert!(start.elapsed() < Duration::from_secs(5), "{}", path.display());
    }
}

#[test]
fn directories_that_lie() {
    let cyclic = tiff(&[(0x8769, 4, 1, 8), (0x8825, 4, 1, 8), (0x014a, 4, 1, 8)]);
    let giant = tiff(&[
        (0x010e, 2, u32::MAX, 8),
        (0x02bc, 1, u32::MAX, 8),
        (0x014a, 4, u32::MAX, 8),
        (0x927c, 7, u32::MAX, 8),
    ]);
    let many: Vec<_> = (0..10_000u32).map(|n| ((n % 0xFFFF) as u16, 4, 1, n)).collect();
    for bytes in [cyclic, giant, tiff(&many)] {
        for name in ["a.tif", "a.nef", "a.dng"] {
            read(&mut Cursor::new(&bytes), name, &[]).unwrap();
        }
    }
}

#[test]
fn boxes_that_lie() {
    let mut nested = b"deep".to_vec();
    for _ in 0..2_000 {
        nested = boxed(b"moov", &nested);
    }
    let brand = boxed(b"ftyp", b"isom\0\0\0\0isom");
    let heic = boxed(b"ftyp", b"heic\0\0\0\0heic");
    let iloc = boxed(b"iloc", &[0x02, 0, 0, 0, 0x88, 0x80, 0xFF, 0xFF, 0xFF, 0xFF]);
    let meta = boxed(b"meta", &[&[0; 4][..], &iloc].concat());
    let open = [&brand[..], b"\0\0\0\x01mdat\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"].concat();
    for bytes in [[brand.clone(), nested].concat(), [heic, meta].concat(), open, brand] {
        read(&mut Cursor::new(bytes), "a", &[]).unwrap();
    }
}

#[test]
fn sidecars_that_lie() {
    let deep_xml = format!("<rdf:RDF>{}", "<a>".repeat(1_000_000));
    let deep_json = "[".repeat(1_000_000);
    let bomb = "<!DOCTYPE a [<!ENTITY b '&c;&c;'><!ENTITY c '&b;&b;'>]><a>&b;</a>";
    let sidecar =
        |name: &str, text: &str| SidecarBytes { file_name: name.to_owned(), bytes: text.as_bytes().to_vec() };
    let sidecars =
        [sidecar("a.jpg.xmp", &deep_xml), sidecar("a.jpg.json", &deep_json), sidecar("a.xmp", bomb)];
    let start = Instant::now();
    let read = read(&mut Cursor::new(jpeg()), "a.jpg", &sidecars).unwrap();
    assert_eq!(read.warnings.len(), 3, "{:?}", read.warnings);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_huge_file_is_not_read_through() {
    /// Two terabytes of zeros behind a header, counting what is asked for.
    struct Huge {
        head: Vec<u8>,
        at: u64,
        asked: u64,
    }
    impl Read for Huge {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            for (n, byte) in out.iter_mut().enumerate() {
                *byte = self.head.get(self.at as usize + n).copied().unwrap_or(0);
            }
            self.at += out.len() as u64;
            self.asked += out.len() as u64;
            Ok(out.len())
        }
    }
    impl Seek for Huge {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.at = match to {
                SeekFrom::Start(at) => at,
                SeekFrom::End(_) => 2 << 40,
                SeekFrom::Current(by) => self.at.wrapping_add_signed(by),
            };
            Ok(self.at)
        }
    }
    let brand = boxed(b"ftyp", b"isom\0\0\0\0isom");
    let mkv = b"\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF".to_vec();
    let avi = b"RIFF\xFF\xFF\xFF\xFFAVI LIST\xFF\xFF\xFF\xFFmovi".to_vec();
    for head in [brand, mkv, avi, tiff(&[(0x02bc, 1, u32::MAX, 64)])] {
        let mut huge = Huge { head, at: 0, asked: 0 };
        let _ = read(&mut huge, "a.mp4", &[]);
        assert!(huge.asked < 300 << 20, "{}", huge.asked);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&mut Cursor::new(bytes), "a.jpg", &[]);
    }

    #[test]
    fn a_jpeg_with_some_bytes_changed(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let mut bytes = jpeg();
        let len = bytes.len();
        for (at, value) in changes {
            bytes[at.index(len)] = value;
        }
        let _ = read(&mut Cursor::new(bytes), "a.jpg", &[]);
    }

    #[test]
    fn anything_behind_a_magic_number(
        magic in prop::sample::select(vec![
            &b"\x89PNG\r\n\x1A\n"[..], b"RIFF\xFF\0\0\0WEBP", b"RIFF\xFF\0\0\0AVI ", b"GIF89a", b"8BPS\0\x01", b"\0\0\0\x0CJXL \r\n\x87\n",
            b"\0\0\0\x14ftypheic\0\0\0\0mif1", b"\0\0\0\x14ftypisom\0\0\0\0isom", b"\0\0\0\x14ftypcrx \0\0\0\0isom", b"\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\xFF",
            b"FUJIFILMCCD-RAW ", b"II\x1A\0\0\0HEAPCCDR", b"\0MRM", b"FOVb", b"II*\0\x08\0\0\0", b"MM\0+\0\x08\0\0", b"IIU\0\x18\0\0\0",
            b"FLV\x01", b"\0\0\x01\xBA", b"\x06\x0E\x2B\x34\x02\x05\x01\x01", b"\x30\x26\xB2\x75\x8E\x66\xCF\x11", b"\xFF\x0A", b"\xFF\x4F\xFF\x51",
            b"<svg width='", b"\0\0\0\x0CjP  \r\n\x87\n",
        ]),
        rest in proptest::collection::vec(prop_oneof![Just(0u8), Just(0xFFu8), any::<u8>()], 0..400),
    ) {
        let _ = read(&mut Cursor::new([magic, &rest].concat()), "a.dng", &[]);
    }

    #[test]
    fn any_names(photo in "[A-Za-z0-9.()\u{e9}_-]{0,60}", other in "[A-Za-z0-9.()\u{e9}_-]{0,60}") {
        let dir = [other.as_str(), photo.as_str()];
        media::sidecar::of_photo(&photo, &dir);
        media::sidecar::photos_of(&other, &dir);
        media::sidecar::is_sidecar_name(&other);
    }
}
