//! Doors for the fuzzer to readers that are not public. Built only with the feature `fuzzing`.

use std::io::Cursor;

use library::Format;

use crate::block::Input;
use crate::{decoder, exif, formats, iptc, moment, pixels, takeout, video, xmp};

/// Reads the bytes as that format, whatever they look like.
pub fn format(format: Format, bytes: &[u8]) {
    if let Ok(mut input) = Input::new(&mut Cursor::new(bytes)) {
        formats::read(format, &mut input);
    }
}

/// EXIF and TIFF directories.
pub fn tiff(mut bytes: &[u8]) {
    exif::read(&mut bytes);
}

/// An XMP packet.
pub fn xmp(bytes: &[u8]) {
    xmp::read(bytes);
}

/// IPTC records, and Photoshop's resources.
pub fn iptc(mut bytes: &[u8]) {
    iptc::read(bytes);
    iptc::resources(&mut bytes);
}

/// Google's JSON.
pub fn takeout(bytes: &[u8]) {
    takeout::read(bytes);
}

/// A date in words.
pub fn date(text: &str) {
    moment::parse(text);
    moment::parse_with_names(text);
}

/// The JPEG embedded in a raw file of this format.
pub fn preview(format: Format, bytes: &[u8]) {
    if let Ok(mut input) = Input::new(&mut Cursor::new(bytes)) {
        pixels::preview::find(format, &mut input, Some(1440));
    }
}

/// The composite of a Photoshop file.
pub fn photoshop(bytes: &[u8]) {
    if let Ok(mut input) = Input::new(&mut Cursor::new(bytes)) {
        let _ = pixels::psd::decode(&mut input);
    }
}

/// The pictures of a HEIF or AVIF file, as those ask for them who decode them.
pub fn pictures(bytes: &[u8]) {
    let mut cursor = Cursor::new(bytes);
    let Ok(mut input) = Input::new(&mut cursor) else { return };
    let Some(mut pictures) = formats::Pictures::open(&mut input) else { return };
    let Some(id) = pictures.primary() else { return };
    pictures.properties(&mut input, id);
    for tile in pictures.references(&mut input, b"dimg", id) {
        pictures.bytes(&mut input, tile);
    }
    pictures.referring(&mut input, b"auxl", id);
    pixels::mend_heif(bytes);
}

/// What a decoder is asked, and what it answers.
pub fn protocol(bytes: &[u8]) {
    decoder::read_order(bytes);
    let _ = decoder::read_reply(bytes, None);
}

/// What ffprobe prints of a video.
pub fn ffprobe(bytes: &[u8]) {
    video::probed(bytes);
}

/// What LibRaw's program makes of a raw file.
pub fn developed(bytes: &[u8]) {
    pixels::developed_raw(bytes);
}
