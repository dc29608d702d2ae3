//! Doors for the fuzzer to readers that are not public. Built only with the feature `fuzzing`.

use std::io::Cursor;

use library::Format;

use crate::block::Input;
use crate::{exif, formats, iptc, moment, takeout, xmp};

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
