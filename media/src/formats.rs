//! One reader a format: each walks its container and hands the metadata blocks on to [`Found`].

mod asf;
mod avi;
mod boxes;
mod cr3;
mod crw;
mod flv;
mod gif;
mod heif;
mod jp2;
mod jpeg;
mod jxl;
mod matroska;
mod motion;
mod movie;
mod mpeg;
mod mxf;
mod phase_one;
mod png;
mod raw;
mod simple;
mod svg;
mod transport;
mod webp;
mod x3f;

use jiff::SignedDuration;
use library::metadata::{EmbeddedMotion, Orientation, PixelSize};
use library::{Checksum, Format};

use crate::block::{Block, Input};
use crate::said::Said;
use crate::{exif, iptc, xmp};

pub(crate) use boxes::{boxes, first};
pub(crate) use heif::Pictures;

/// All that was found in a file, by kind of block, before anything is decided.
#[derive(Default, Debug)]
pub(crate) struct Found {
    /// As stored, before turning.
    pub(crate) size: Option<PixelSize>,
    /// How the container turns the picture; where it says so, EXIF's word does not count.
    pub(crate) turn: Option<Orientation>,
    pub(crate) duration: Option<SignedDuration>,
    pub(crate) exif: Said,
    pub(crate) xmp: Said,
    pub(crate) iptc: Said,
    /// The container's own fields.
    pub(crate) container: Said,
    pub(crate) motion: Option<EmbeddedMotion>,
    pub(crate) picture: Option<Checksum>,
    /// The container has a clock, and nobody set it.
    pub(crate) clock_unset: bool,
    pub(crate) warnings: Vec<String>,
}

impl Found {
    /// Reads an EXIF block, with or without the `Exif\0\0` in front.
    pub(crate) fn take_exif(&mut self, bytes: &[u8]) {
        let bytes = match bytes {
            [b'E', b'x', b'i', b'f', _, _, rest @ ..] => rest,
            bytes => bytes,
        };
        // Writers have put stray bytes in front of the byte order mark.
        let start =
            bytes.windows(4).take(16).position(|four| matches!(four, b"II*\0" | b"MM\0*")).unwrap_or(0);
        let mut block = bytes.get(start..).unwrap_or_default();
        match exif::read(&mut block) {
            Some(exif) => self.take_parts(exif),
            None => self.warn("the EXIF block is damaged"),
        }
    }

    /// Takes the fields of a TIFF structure and the blocks inside it.
    pub(crate) fn take_parts(&mut self, parts: exif::Exif) {
        self.exif.fill_from(parts.said);
        if let Some(packet) = parts.xmp {
            self.take_xmp(&packet);
        }
        if let Some(records) = parts.iptc {
            self.take_iptc(&records);
        }
        if let Some(resources) = parts.photoshop {
            self.take_resources(&mut resources.as_slice());
        }
    }

    /// Reads an XMP packet.
    pub(crate) fn take_xmp(&mut self, packet: &[u8]) {
        self.xmp.fill_from(xmp::read(packet));
    }

    /// Reads IPTC records.
    pub(crate) fn take_iptc(&mut self, records: &[u8]) {
        self.iptc.fill_from(iptc::read(records));
    }

    /// Reads Photoshop's resources.
    pub(crate) fn take_resources(&mut self, block: &mut dyn Block) {
        let resources = iptc::resources(block);
        if let Some(records) = resources.iptc {
            self.take_iptc(&records);
        }
        if let Some(bytes) = resources.exif {
            self.take_exif(&bytes);
        }
        if let Some(packet) = resources.xmp {
            self.take_xmp(&packet);
        }
    }

    /// Takes a size, unless a side is zero.
    pub(crate) fn set_size(&mut self, width: u32, height: u32) {
        if width > 0 && height > 0 {
            self.size = Some(PixelSize { width, height });
        }
    }

    /// Notes what is wrong, in words for people.
    pub(crate) fn warn(&mut self, words: &str) {
        self.warnings.push(words.to_owned());
    }
}

/// What the file says about the shape of its picture.
pub(crate) struct Shape {
    /// As stored, before turning.
    pub(crate) size: Option<PixelSize>,
    /// Which way up: the container where it has a say, then EXIF, then XMP.
    pub(crate) orientation: Orientation,
}

/// Reads the shape alone.
pub(crate) fn shape(format: Format, input: &mut Input<'_>) -> Shape {
    let found = read(format, input);
    let orientation = found.turn.or(found.exif.orientation).or(found.xmp.orientation).unwrap_or_default();
    Shape { size: found.size, orientation }
}

/// Reads a file of a known format.
pub(crate) fn read(format: Format, input: &mut Input<'_>) -> Found {
    let mut found = Found::default();
    let out = &mut found;
    match format {
        Format::Jpeg => jpeg::read(input, out),
        Format::Png => png::read(input, out),
        Format::Webp => webp::read(input, out),
        Format::Gif => gif::read(input, out),
        Format::Heic | Format::Avif => heif::read(input, out),
        Format::Jxl => jxl::read(input, out),
        Format::Jp2 => jp2::read(input, out),
        Format::Bmp => simple::bmp(input, out),
        Format::Psd => simple::psd(input, out),
        Format::Svg => svg::read(input, out),
        Format::Cr3 => cr3::read(input, out),
        Format::Raf => raw::raf(input, out),
        Format::Crw => crw::read(input, out),
        Format::Mrw => raw::mrw(input, out),
        Format::X3f => x3f::read(input, out),
        Format::Ari => raw::ari(input, out),
        Format::Cin => raw::cin(input, out),
        Format::Mp4 | Format::Mov | Format::Threegp => movie::read(input, out),
        Format::Mkv | Format::Webm => matroska::read(input, out),
        Format::Avi => avi::read(input, out),
        Format::Flv => flv::read(input, out),
        Format::Mts => transport::read(input, out),
        Format::Mpeg => mpeg::read(input, out),
        Format::Mxf => mxf::read(input, out),
        Format::Wmv => asf::read(input, out),
        Format::Xmp | Format::TakeoutJson => {}
        // Every other one is a TIFF file at heart.
        Format::Tiff
        | Format::Hasselblad3fr
        | Format::Arw
        | Format::Cap
        | Format::Cr2
        | Format::Dcr
        | Format::Dng
        | Format::Erf
        | Format::Fff
        | Format::Iiq
        | Format::K25
        | Format::Kdc
        | Format::Nef
        | Format::Orf
        | Format::Pef
        | Format::Raw
        | Format::Rw2
        | Format::Rwl
        | Format::Sr2
        | Format::Srf
        | Format::Srw => raw::tiff(input, out),
    }
    motion::find_video(format, input, out);
    found
}
