//! The formats galleryfs takes in: what Immich accepts, by content and by extension.

use serde::{Deserialize, Serialize};

/// Whether an asset is looked at, played, or explains another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// A still picture, animations in picture formats included.
    Image,
    /// A video.
    Video,
    /// An XMP or JSON file that describes its photo.
    Sidecar,
}

impl Kind {
    /// `image`, `video` or `sidecar`: the word in queries, JSON and folder names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Sidecar => "sidecar",
        }
    }
}

/// Declares the formats in one table: variant, word, kind, raw or not, MIME type, extensions.
macro_rules! formats {
    ($($variant:ident $word:literal $kind:ident $raw:literal $mime:literal [$($ext:literal),+];)+) => {
        /// A file format, as found in the bytes.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[allow(missing_docs)] // the table says it all
        pub enum Format { $($variant),+ }

        impl Format {
            /// Every format, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word in queries, JSON and `types/`: `jpeg`, `heic`, `nef`.
            pub fn word(self) -> &'static str { match self { $(Self::$variant => $word),+ } }

            /// Image or video (or sidecar).
            pub fn kind(self) -> Kind { match self { $(Self::$variant => Kind::$kind),+ } }

            /// Whether it is a camera's sensor data.
            pub fn is_raw(self) -> bool { match self { $(Self::$variant => $raw),+ } }

            /// The media type.
            pub fn mime(self) -> &'static str { match self { $(Self::$variant => $mime),+ } }

            /// The extensions, lower case, the usual one first.
            pub fn extensions(self) -> &'static [&'static str] { match self { $(Self::$variant => &[$($ext),+]),+ } }
        }
    };
}

formats! {
    Jpeg "jpeg" Image false "image/jpeg" ["jpg", "jpeg", "jpe", "jfif", "insp", "mpo"];
    Heic "heic" Image false "image/heic" ["heic", "heif", "hif"];
    Avif "avif" Image false "image/avif" ["avif"];
    Jxl "jxl" Image false "image/jxl" ["jxl"];
    Webp "webp" Image false "image/webp" ["webp"];
    Png "png" Image false "image/png" ["png"];
    Gif "gif" Image false "image/gif" ["gif"];
    Tiff "tiff" Image false "image/tiff" ["tif", "tiff"];
    Bmp "bmp" Image false "image/bmp" ["bmp"];
    Psd "psd" Image false "image/vnd.adobe.photoshop" ["psd"];
    Jp2 "jp2" Image false "image/jp2" ["jp2"];
    Svg "svg" Image false "image/svg+xml" ["svg"];
    Hasselblad3fr "3fr" Image true "image/x-hasselblad-3fr" ["3fr"];
    Ari "ari" Image true "image/x-arriflex-ari" ["ari"];
    Arw "arw" Image true "image/x-sony-arw" ["arw"];
    Cap "cap" Image true "image/x-phaseone-cap" ["cap"];
    Cin "cin" Image true "image/x-phantom-cin" ["cin"];
    Cr2 "cr2" Image true "image/x-canon-cr2" ["cr2"];
    Cr3 "cr3" Image true "image/x-canon-cr3" ["cr3"];
    Crw "crw" Image true "image/x-canon-crw" ["crw"];
    Dcr "dcr" Image true "image/x-kodak-dcr" ["dcr"];
    Dng "dng" Image true "image/x-adobe-dng" ["dng"];
    Erf "erf" Image true "image/x-epson-erf" ["erf"];
    Fff "fff" Image true "image/x-hasselblad-fff" ["fff"];
    Iiq "iiq" Image true "image/x-phaseone-iiq" ["iiq"];
    K25 "k25" Image true "image/x-kodak-k25" ["k25"];
    Kdc "kdc" Image true "image/x-kodak-kdc" ["kdc"];
    Mrw "mrw" Image true "image/x-minolta-mrw" ["mrw"];
    Nef "nef" Image true "image/x-nikon-nef" ["nef", "nrw"];
    Orf "orf" Image true "image/x-olympus-orf" ["orf", "ori"];
    Pef "pef" Image true "image/x-pentax-pef" ["pef"];
    Raf "raf" Image true "image/x-fuji-raf" ["raf"];
    Raw "raw" Image true "image/x-panasonic-raw" ["raw"];
    Rw2 "rw2" Image true "image/x-panasonic-rw2" ["rw2"];
    Rwl "rwl" Image true "image/x-leica-rwl" ["rwl"];
    Sr2 "sr2" Image true "image/x-sony-sr2" ["sr2"];
    Srf "srf" Image true "image/x-sony-srf" ["srf"];
    Srw "srw" Image true "image/x-samsung-srw" ["srw"];
    X3f "x3f" Image true "image/x-sigma-x3f" ["x3f"];
    Mp4 "mp4" Video false "video/mp4" ["mp4", "m4v", "insv"];
    Mov "mov" Video false "video/quicktime" ["mov"];
    Threegp "3gp" Video false "video/3gpp" ["3gp", "3gpp", "3g2"];
    Mkv "mkv" Video false "video/x-matroska" ["mkv"];
    Webm "webm" Video false "video/webm" ["webm"];
    Avi "avi" Video false "video/x-msvideo" ["avi"];
    Flv "flv" Video false "video/x-flv" ["flv"];
    Mts "mts" Video false "video/mp2t" ["mts", "m2ts", "m2t", "ts"];
    Mpeg "mpeg" Video false "video/mpeg" ["mpg", "mpeg", "mpe", "vob"];
    Mxf "mxf" Video false "application/mxf" ["mxf"];
    Wmv "wmv" Video false "video/x-ms-wmv" ["wmv"];
    Xmp "xmp" Sidecar false "application/rdf+xml" ["xmp"];
    TakeoutJson "takeout" Sidecar false "application/json" ["json"];
}

impl Format {
    /// The format an extension promises, whatever its case. `None` for what galleryfs does not take in.
    pub fn from_extension(extension: &str) -> Option<Self> {
        let lower = extension.to_ascii_lowercase();
        Self::ALL.iter().copied().find(|format| format.extensions().contains(&lower.as_str()))
    }

    /// What a file's name promises: a picture, a video, a sidecar. `None` for what is never looked at: hidden files, the
    /// temporary names of programs (`x.jpg.part`, `x.jpg~`, `.x.jpg.Xy12ab`: none of them ends in a known extension, or
    /// they begin with a dot), and everything that is no photo.
    pub fn promised_by(name: &[u8]) -> Option<Self> {
        if name.first() == Some(&b'.') || name.starts_with(b"~$") {
            return None;
        }
        let dot = name.iter().rposition(|byte| *byte == b'.')?;
        Self::from_extension(std::str::from_utf8(&name[dot + 1..]).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_belongs_to_one_format() {
        let mut seen = std::collections::BTreeMap::new();
        for format in Format::ALL {
            for extension in format.extensions() {
                assert_eq!(seen.insert(*extension, *format), None, "{extension} twice");
                assert_eq!(Format::from_extension(&extension.to_uppercase()), Some(*format));
            }
        }
    }
}
