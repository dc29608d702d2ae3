//! Which format bytes are, by looking at them. The name decides only between formats that look the same.

use library::Format;

use crate::block::find;

/// The format of a file that begins with `head` (4 KB are plenty, 16 bytes do for most).
///
/// The extension of `file_name` only tells apart the many raw formats that are TIFF files at heart.
pub fn sniff(head: &[u8], file_name: &str) -> Option<Format> {
    let extension = file_name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let named = Format::from_extension(extension);
    match head {
        [0xFF, 0xD8, 0xFF, ..] => Some(Format::Jpeg),
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some(Format::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, kind @ ..] if kind.starts_with(b"WEBP") => Some(Format::Webp),
        [b'R', b'I', b'F', b'F', _, _, _, _, kind @ ..] if kind.starts_with(b"AVI") => Some(Format::Avi),
        [b'8', b'B', b'P', b'S', 0, 1 | 2, ..] => Some(Format::Psd),
        [b'B', b'M', ..] if is_bmp(head) => Some(Format::Bmp),
        [0xFF, 0x0A, ..] => Some(Format::Jxl),
        [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => Some(Format::Jxl),
        [0, 0, 0, 12, b'j', b'P', b' ', b' ' | 0x1A, ..] => Some(Format::Jp2),
        [0xFF, 0x4F, 0xFF, 0x51, ..] => Some(Format::Jp2),
        [b'F', b'U', b'J', b'I', b'F', b'I', b'L', b'M', b'C', b'C', b'D', b'-', ..] => Some(Format::Raf),
        [b'I', b'I', 0x1A, 0, 0, 0, b'H', b'E', b'A', b'P', ..] => Some(Format::Crw),
        [0, b'M', b'R', b'M', ..] => Some(Format::Mrw),
        [b'F', b'O', b'V', b'b', ..] => Some(Format::X3f),
        [b'A', b'R', b'R', b'I', ..] => Some(Format::Ari),
        [b'C', b'I', 0x2C, 0, ..] => Some(Format::Cin),
        [b'I', b'I', b'R', b'O' | b'S', ..] | [b'M', b'M', b'O', b'R', ..] => Some(Format::Orf),
        [b'I', b'I', b'U', 0, ..] => Some(match named {
            Some(panasonic @ (Format::Rwl | Format::Raw)) => panasonic,
            _ => Format::Rw2,
        }),
        [b'I', b'I', 0x2A | 0x2B, 0, ..] | [b'M', b'M', 0, 0x2A | 0x2B, ..] => Some(tiff_family(head, named)),
        [0x1A, 0x45, 0xDF, 0xA3, ..] => Some(match find(head, b"\x42\x82") {
            Some(at) if find(head.get(at..(at + 16).min(head.len()))?, b"webm").is_some() => Format::Webm,
            _ => Format::Mkv,
        }),
        [b'F', b'L', b'V', 1, ..] => Some(Format::Flv),
        [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11, ..] => Some(Format::Wmv),
        [0, 0, 1, 0xBA | 0xB3, ..] => Some(Format::Mpeg),
        [0x06, 0x0E, 0x2B, 0x34, 0x02, 0x05, 0x01, 0x01, ..] => Some(Format::Mxf),
        _ => boxes(head).or_else(|| transport_stream(head)).or_else(|| written_text(head)),
    }
}

fn is_bmp(head: &[u8]) -> bool {
    matches!(head.get(14..18), Some([12 | 16 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]))
}

/// Raw formats with a TIFF header. Content settles CR2 and IIQ; for the others the camera's own extension is the mark.
fn tiff_family(head: &[u8], named: Option<Format>) -> Format {
    if head.get(8..10) == Some(b"CR") {
        return Format::Cr2;
    }
    if head.get(8..12) == Some(b"IIII") || head.get(8..12) == Some(b"MMMM") {
        return Format::Iiq;
    }
    match named {
        Some(
            raw @ (Format::Hasselblad3fr
            | Format::Arw
            | Format::Cap
            | Format::Dcr
            | Format::Dng
            | Format::Erf
            | Format::Fff
            | Format::Iiq
            | Format::K25
            | Format::Kdc
            | Format::Nef
            | Format::Pef
            | Format::Raw
            | Format::Rwl
            | Format::Sr2
            | Format::Srf
            | Format::Srw),
        ) => raw,
        _ => Format::Tiff,
    }
}

/// ISO base media files, by brand; QuickTime files older than brands, by their first box.
fn boxes(head: &[u8]) -> Option<Format> {
    let kind = head.get(4..8)?;
    if kind != b"ftyp" {
        let old = matches!(kind, b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot");
        // "free" and "skip" are words too: the size before them must be one.
        let sized = matches!(head.get(..4)?, [0, ..]);
        return (old && sized).then_some(Format::Mov);
    }
    let len = u32::from_be_bytes(head.get(..4)?.try_into().ok()?) as usize;
    let brands: Vec<&[u8]> =
        head.get(8..len.clamp(12, head.len().max(12)))?.chunks_exact(4).take(64).collect();
    let major = *brands.first()?;
    let says = |wanted: &[&[u8]]| brands.iter().any(|brand| wanted.contains(brand));
    Some(match major {
        b"crx " => Format::Cr3,
        b"avif" | b"avis" => Format::Avif,
        b"mif1" | b"msf1" | b"miaf" if says(&[b"avif", b"avis"]) => Format::Avif,
        b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"hevm" | b"hevs" | b"mif1" | b"msf1"
        | b"miaf" | b"mif2" | b"mif3" | b"jpeg" | b"jpgs" | b"avci" | b"avcs" | b"j2ki" | b"j2is"
        | b"vvic" | b"evbi" | b"unif" => Format::Heic,
        b"qt  " => Format::Mov,
        [b'3', b'g', ..] => Format::Threegp,
        b"jxl " => Format::Jxl,
        b"jp2 " | b"jpx " | b"jpm " => Format::Jp2,
        // An odd major brand on a picture: the compatible ones tell.
        _ if says(&[b"heic", b"heix", b"mif1"]) && !says(&[b"isom", b"mp41", b"mp42", b"qt  "]) => {
            Format::Heic
        }
        _ => Format::Mp4,
    })
}

fn transport_stream(head: &[u8]) -> Option<Format> {
    let synced = |first: usize, step: usize| (0..3).all(|n| head.get(first + n * step) == Some(&0x47));
    (synced(0, 188) || synced(4, 192)).then_some(Format::Mts)
}

fn written_text(head: &[u8]) -> Option<Format> {
    let text = head.get(..head.len().min(4096))?;
    let start = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii_start();
    match start {
        [b'<', ..] if find(start, b"<svg").is_some() => Some(Format::Svg),
        [b'<', ..] if find(start, b"x:xmpmeta").is_some() || find(start, b"<?xpacket").is_some() => {
            Some(Format::Xmp)
        }
        [b'<', ..] if find(start, b"rdf:RDF").is_some() => Some(Format::Xmp),
        [b'{', ..] if find(start, b"\"photoTakenTime\"").is_some() => Some(Format::TakeoutJson),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_beats_the_name() {
        assert_eq!(sniff(b"\xFF\xD8\xFF\xE0", "a.png"), Some(Format::Jpeg));
        assert_eq!(sniff(b"GIF89a", "a.jpg"), Some(Format::Gif));
        assert_eq!(sniff(b"II*\0\x08\0\0\0", "a.NEF"), Some(Format::Nef));
        assert_eq!(sniff(b"II*\0\x08\0\0\0", "a.jpg"), Some(Format::Tiff));
        assert_eq!(sniff(b"II*\0\x10\0\0\0CR\x02\0", "a.tif"), Some(Format::Cr2));
        assert_eq!(sniff(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a"), Some(Format::Heic));
        assert_eq!(sniff(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "a"), Some(Format::Avif));
        assert_eq!(sniff(b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "a.mp4"), Some(Format::Mov));
        assert_eq!(sniff(b"\0\0\0\x14ftypisom\0\0\0\0isom", "a.jpg"), Some(Format::Mp4));
        assert_eq!(sniff(b"BMW is a car", "a.bmp"), None);
        assert_eq!(sniff(b"carefree words", "a.jpg"), None);
        assert_eq!(sniff(b"", "a.jpg"), None);
        assert_eq!(sniff(b"<?xml version='1.0'?><svg width='1'>", "a"), Some(Format::Svg));
        assert_eq!(sniff(b"{ \"title\": \"a\", \"photoTakenTime\": {", "a"), Some(Format::TakeoutJson));
    }
}
