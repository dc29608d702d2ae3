//! Properties by their namespace, whatever prefix a file has for it.

/// A namespace, and the prefix that everybody uses for it.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) prefix: &'static str,
    pub(super) uri: &'static str,
}

/// A property of a photo.
#[derive(Debug)]
pub(super) struct Property {
    pub(super) namespace: &'static Namespace,
    pub(super) local: &'static str,
}

impl Property {
    pub(super) const fn of(namespace: &'static Namespace, local: &'static str) -> Self {
        Self { namespace, local }
    }

    /// Its name as the reader has it: `dc:subject`.
    pub(super) fn usual(&self) -> String {
        format!("{}:{}", self.namespace.prefix, self.local)
    }
}

pub(super) const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

macro_rules! namespaces {
    ($($name:ident = $prefix:literal $uri:literal;)*) => {
        $(pub(super) static $name: Namespace = Namespace { prefix: $prefix, uri: $uri };)*
    };
}

namespaces! {
    DC = "dc" "http://purl.org/dc/elements/1.1/";
    XMP = "xmp" "http://ns.adobe.com/xap/1.0/";
    EXIF = "exif" "http://ns.adobe.com/exif/1.0/";
    EXIF_EX = "exifEX" "http://cipa.jp/exif/1.0/";
    TIFF = "tiff" "http://ns.adobe.com/tiff/1.0/";
    PHOTOSHOP = "photoshop" "http://ns.adobe.com/photoshop/1.0/";
    LIGHTROOM = "lr" "http://ns.adobe.com/lightroom/1.0/";
    DIGIKAM = "digiKam" "http://www.digikam.org/ns/1.0/";
    MICROSOFT = "MicrosoftPhoto" "http://ns.microsoft.com/photo/1.0/";
    MEDIAPRO = "mediapro" "http://ns.iview-multimedia.com/mediapro/1.0/";
    EXPRESSION = "expressionmedia" "http://ns.microsoft.com/expressionmedia/1.0/";
    ACDSEE = "acdsee" "http://ns.acdsee.com/iptc/1.0/";
    WORKING_GROUP = "mwg-kw" "http://www.metadataworkinggroup.com/schemas/keywords/";
    DYNAMIC_MEDIA = "xmpDM" "http://ns.adobe.com/xmp/1.0/DynamicMedia/";
}

/// Whether two spellings name one namespace. Writers disagree about what it ends with, and the reader forgives them.
pub(super) fn same_namespace(one: &str, other: &str) -> bool {
    let bare = |uri: &'_ str| uri.trim_end_matches(['/', '#']).len();
    one.get(..bare(one)) == other.get(..bare(other))
}
