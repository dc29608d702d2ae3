//! What comes out of the decoders: the right colours, the right way up, whatever the format.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use image::{DynamicImage, ExtendedColorType, ImageFormat};
use library::metadata::Orientation;
use media::pixels::{DecodeError, Decoded, Picture, decode};

/// The colours of the corners, in reading order.
const CORNERS: [[u8; 3]; 4] = [[200, 40, 40], [40, 200, 40], [40, 40, 200], [200, 200, 40]];

/// Sides of the test picture.
const SIDES: (u32, u32) = (96, 64);

/// A picture in which every corner has a colour of its own.
fn corners() -> Vec<u8> {
    let (width, height) = SIDES;
    let colour = |x, y| CORNERS[usize::from(y * 2 >= height) * 2 + usize::from(x * 2 >= width)];
    (0..height).flat_map(|y| (0..width).flat_map(move |x| colour(x, y))).collect()
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn decoded(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    decode(&file_of(bytes), "a.bin", None, None)
}

/// Which of [`CORNERS`] are seen in the picture's corners.
fn seen(picture: &Picture) -> [usize; 4] {
    let (width, height) = (picture.width(), picture.height());
    [(4, 4), (width - 5, 4), (4, height - 5), (width - 5, height - 5)].map(|(x, y)| {
        let at = (y * width + x) as usize * 3;
        let pixel = &picture.rgb()[at..at + 3];
        let near = |corner: &[u8; 3]| corner.iter().zip(pixel).all(|(a, b)| a.abs_diff(*b) < 30);
        CORNERS.iter().position(near).unwrap_or_else(|| panic!("{pixel:?} at {x}, {y}"))
    })
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn image() -> DynamicImage {
    image::RgbImage::from_raw(SIDES.0, SIDES.1, corners()).unwrap().into()
}

/// A JPEG of these samples, with segments behind its beginning.
fn jpeg(
    space: mozjpeg::ColorSpace,
    samples: &[u8],
    sides: (u32, u32),
    segments: &[(u8, Vec<u8>)],
) -> Vec<u8> {
    let mut jpeg = mozjpeg::Compress::new(space);
    jpeg.set_size(sides.0 as usize, sides.1 as usize);
    jpeg.set_quality(95.0);
    let mut started = jpeg.start_compress(Vec::new()).unwrap();
    started.write_scanlines(samples).unwrap();
    let bytes = started.finish().unwrap();
    let mut out = bytes[..2].to_vec();
    for (marker, body) in segments {
        out.extend([0xFF, *marker]);
        out.extend((body.len() as u16 + 2).to_be_bytes());
        out.extend(body);
    }
    out.extend(&bytes[2..]);
    out
}

fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    block
}

#[test]
fn formats_of_the_web_and_of_scanners() {
    let image = image();
    let formats =
        [ImageFormat::Png, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP];
    for format in formats {
        let decoded = decoded(&encoded(&image, format)).unwrap();
        assert_eq!((decoded.full.width, decoded.full.height), SIDES, "{format:?}");
        assert_eq!(seen(&decoded.picture), [0, 1, 2, 3], "{format:?}");
    }
    // Sixteen bits, floats, grey.
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        assert_eq!(seen(&decoded(&encoded(&image.to_rgb16().into(), format)).unwrap().picture), [0, 1, 2, 3]);
        let grey = decoded(&encoded(&image.to_luma8().into(), format)).unwrap().picture;
        assert!(grey.rgb()[0] == grey.rgb()[1] && grey.rgb()[0] < 120);
    }
    assert_eq!(
        seen(&decoded(&encoded(&image.to_rgb32f().into(), ImageFormat::Tiff)).unwrap().picture),
        [0, 1, 2, 3]
    );
}

#[test]
fn what_is_transparent_lies_on_white() {
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        let clear = image::RgbaImage::from_pixel(8, 8, image::Rgba([0, 0, 0, 0])).into();
        assert!(
            decoded(&encoded(&clear, format)).unwrap().picture.rgb().iter().all(|value| *value == 255),
            "{format:?}"
        );
    }
}

#[test]
fn jpegs_are_turned_as_their_exif_says_or_as_the_catalogue_knows() {
    let turned = [
        [0, 1, 2, 3],
        [1, 0, 3, 2],
        [3, 2, 1, 0],
        [2, 3, 0, 1],
        [0, 2, 1, 3],
        [2, 0, 3, 1],
        [3, 1, 2, 0],
        [1, 3, 0, 2],
    ];
    for (n, wanted) in turned.into_iter().enumerate() {
        let orientation = n as u8 + 1;
        let bytes = jpeg(mozjpeg::ColorSpace::JCS_RGB, &corners(), SIDES, &[(0xE1, exif(orientation))]);
        let own = decoded(&bytes).unwrap();
        assert_eq!(seen(&own.picture), wanted, "orientation {orientation}");
        assert_eq!(own.full.width > own.full.height, orientation < 5);
        // The catalogue has the last word: it has read the sidecars.
        let upright = decode(&file_of(&bytes), "a.jpg", Some(Orientation::UPRIGHT), None).unwrap();
        assert_eq!(seen(&upright.picture), [0, 1, 2, 3]);
    }
}

#[test]
fn jpegs_are_decoded_no_smaller_than_asked_for() {
    let (width, height) = (1600, 1200);
    let large = Picture::new(SIDES.0, SIDES.1, corners()).unwrap().rgb().to_vec();
    let large = image::RgbImage::from_raw(SIDES.0, SIDES.1, large).unwrap();
    let large = image::imageops::resize(&large, width, height, image::imageops::FilterType::Nearest);
    let bytes = jpeg(mozjpeg::ColorSpace::JCS_RGB, large.as_raw(), (width, height), &[(0xE1, exif(6))]);
    for (least, short) in [(1, 150), (150, 150), (151, 300), (600, 600), (601, 1200), (5000, 1200)] {
        let decoded = decode(&file_of(&bytes), "a.jpg", None, Some(least)).unwrap();
        assert_eq!(decoded.picture.short_side(), short, "at least {least}");
        assert_eq!((decoded.full.width, decoded.full.height), (height, width));
        assert_eq!(seen(&decoded.picture), [2, 0, 3, 1]);
    }
}

#[test]
fn profiles_are_applied_even_when_they_come_in_pieces() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let piece = |number: u8, bytes: &[u8]| (0xE2, [&b"ICC_PROFILE\0"[..], &[number, 2], bytes].concat());
    let (first, second) = profile.split_at(profile.len() / 2);
    // sRGB's red, in Display P3's numbers.
    let red = [234, 51, 35].repeat(64);
    let bytes = jpeg(mozjpeg::ColorSpace::JCS_RGB, &red, (8, 8), &[piece(2, second), piece(1, first)]);
    let picture = decoded(&bytes).unwrap().picture;
    assert!(
        picture.rgb()[0] >= 252 && picture.rgb()[1] < 16 && picture.rgb()[2] < 16,
        "{:?}",
        &picture.rgb()[..3]
    );
    let mut png = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
    image::ImageEncoder::set_icc_profile(&mut encoder, profile).unwrap();
    image::ImageEncoder::write_image(encoder, &red, 8, 8, ExtendedColorType::Rgb8).unwrap();
    let picture = decoded(&png).unwrap().picture;
    assert!(picture.rgb()[0] >= 252 && picture.rgb()[1] < 16, "{:?}", &picture.rgb()[..3]);
}

#[test]
fn inks_as_adobe_writes_them() {
    // No cyan, all magenta and yellow: red. Adobe stores how much light is left.
    let adobe = (0xEE, b"Adobe\0\x64\0\0\0\0\0".to_vec());
    let red = [255, 0, 0, 255].repeat(64);
    let bytes = jpeg(mozjpeg::ColorSpace::JCS_CMYK, &red, (8, 8), &[adobe]);
    let picture = decoded(&bytes).unwrap().picture;
    assert!(
        picture.rgb()[0] > 250 && picture.rgb()[1] < 5 && picture.rgb()[2] < 5,
        "{:?}",
        &picture.rgb()[..3]
    );
}

#[test]
fn what_is_cut_off_is_damaged_or_half_a_picture_and_never_a_panic() {
    let image = image();
    let mut files: Vec<Vec<u8>> =
        [ImageFormat::Png, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP]
            .into_iter()
            .map(|format| encoded(&image, format))
            .collect();
    files.push(jpeg(mozjpeg::ColorSpace::JCS_RGB, &corners(), SIDES, &[]));
    for path in [
        "heif/fuzzing/data/corpus/colors-no-alpha-thumbnail.heic",
        "heif/examples/example.avif",
        "formats/formats/jxl/8bit-sRGB.jxl",
    ] {
        let found = photos().join(path);
        assert!(found.exists(), "{} is missing", found.display());
        files.push(std::fs::read(found).unwrap());
    }
    for file in files {
        for part in 1..3 {
            let mut torn = file[..file.len() * part / 3].to_vec();
            let _ = decoded(&torn);
            // And with a bit turned.
            if let Some(byte) = torn.last_mut() {
                *byte ^= 0x10;
                torn.extend(&file[torn.len()..]);
                let _ = decoded(&torn);
            }
        }
    }
}

/// A sample photo, its upright size, and the mean colours of its quarters in reading order.
type Known = (&'static str, (u32, u32), [[u8; 3]; 4]);

/// What libvips 8.14, libheif 1.15 and libjxl 0.7 make of them.
const AS_OTHERS_SEE_IT: [Known; 8] = [
    ("exif/heic/samplefilehub.heif", (640, 426), [[58, 60, 58], [50, 59, 59], [64, 38, 26], [79, 47, 31]]),
    (
        "formats/formats/heic/IMG_2682.heic",
        (4032, 3024),
        [[98, 121, 136], [55, 74, 86], [71, 76, 71], [67, 72, 71]],
    ),
    (
        "formats/formats/motionphoto/samsung-one-ui-6.heic",
        (3000, 4000),
        [[114, 111, 110], [111, 105, 103], [88, 86, 86], [88, 83, 83]],
    ),
    (
        "heif/examples/example.avif",
        (800, 533),
        [[99, 102, 68], [193, 198, 196], [92, 93, 71], [102, 102, 75]],
    ),
    (
        "formats/formats/avif/8bit-sRGB.avif",
        (1617, 1080),
        [[89, 64, 41], [106, 115, 115], [92, 66, 42], [102, 95, 90]],
    ),
    (
        "formats/formats/jxl/8bit-sRGB.jxl",
        (1440, 1080),
        [[137, 126, 109], [110, 96, 73], [91, 83, 68], [91, 79, 63]],
    ),
    (
        "formats/formats/webp/denali.webp",
        (600, 315),
        [[165, 160, 159], [153, 151, 153], [126, 109, 83], [103, 88, 58]],
    ),
    ("exif/tiff/Arbitro.tiff", (174, 38), [[90, 106, 149], [79, 115, 162], [87, 97, 140], [102, 133, 174]]),
];

#[test]
fn real_photos_look_as_others_see_them() {
    let mut wrong = Vec::new();
    for (path, size, quarters) in AS_OTHERS_SEE_IT {
        let file = File::open(photos().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let decoded = decode(&file, path, None, Some(250)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!((decoded.full.width, decoded.full.height), size, "{path}");
        let means = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|quarter| mean(&decoded.picture, quarter));
        if means
            .as_flattened()
            .iter()
            .zip(quarters.as_flattened())
            .any(|(is, wanted)| is.abs_diff(*wanted) > 4)
        {
            wrong.push(format!("{path}: {means:?}, not {quarters:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The mean colour of a quarter, left or right and upper or lower; of large pictures, of some of its rows.
fn mean(picture: &Picture, (across, down): (usize, usize)) -> [u8; 3] {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let rows = picture
        .rgb()
        .chunks_exact(width * 3)
        .skip(down * (height / 2))
        .take(height / 2)
        .step_by(height.div_ceil(400));
    let pixels =
        rows.flat_map(|row| row.as_chunks::<3>().0.iter().skip(across * (width / 2)).take(width / 2));
    let (sum, count) = pixels.fold(([0u64; 3], 0), |([r, g, b], count), [red, green, blue]| {
        ([r + u64::from(*red), g + u64::from(*green), b + u64::from(*blue)], count + 1)
    });
    sum.map(|channel| (channel / count) as u8)
}

fn photos() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/photos")
}

/// A raw file as a camera app without a preview writes it: one value a sensor, red and green, green and blue by turns.
fn dng((width, height): (u32, u32), orientation: u16) -> Vec<u8> {
    let short = |values: &[u16]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let long = |value: u32| value.to_le_bytes().to_vec();
    let ratio = |values: &[i32]| {
        values.iter().flat_map(|value| [*value, 10_000]).flat_map(i32::to_le_bytes).collect()
    };
    // From XYZ to linear sRGB: the camera sees what a screen shows.
    let matrix = [32_406, -15_372, -4986, -9689, 18_758, 415, 557, -2040, 10_570];
    let (ascii, byte, signed) = (2_u16, 1_u16, 10_u16);
    let sensors: Vec<u16> = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .map(|(x, y)| {
            let corner = CORNERS[usize::from(y * 2 >= height) * 2 + usize::from(x * 2 >= width)];
            let value = corner[(x % 2 + y % 2) as usize];
            ((f64::from(value) / 255.0).powf(2.2) * 60_000.0) as u16
        })
        .collect();
    let entries: Vec<(u16, u16, u32, Vec<u8>)> = vec![
        (254, 4, 1, long(0)),
        (256, 4, 1, long(width)),
        (257, 4, 1, long(height)),
        (258, 3, 1, short(&[16])),
        (259, 3, 1, short(&[1])),
        (262, 3, 1, short(&[32_803])),
        (271, ascii, 8, b"Example\0".to_vec()),
        (272, ascii, 6, b"Raw 1\0".to_vec()),
        (273, 4, 1, long(0)),
        (274, 3, 1, short(&[orientation])),
        (277, 3, 1, short(&[1])),
        (278, 4, 1, long(height)),
        (279, 4, 1, long(width * height * 2)),
        (33_421, 3, 2, short(&[2, 2])),
        (33_422, byte, 4, vec![0, 1, 1, 2]),
        (50_706, byte, 4, vec![1, 4, 0, 0]),
        (50_708, ascii, 14, b"Example Raw 1\0".to_vec()),
        (50_717, 4, 1, long(60_000)),
        (50_721, signed, 9, ratio(&matrix)),
        (50_728, 5, 3, ratio(&[10_000; 3])),
        (50_778, 3, 1, short(&[21])),
    ];
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend((entries.len() as u16).to_le_bytes());
    let behind = 8 + 2 + entries.len() * 12 + 4;
    let values: usize = entries.iter().map(|(.., value)| if value.len() > 4 { value.len() } else { 0 }).sum();
    let mut extra = Vec::new();
    for (tag, kind, count, mut value) in entries {
        if tag == 273 {
            value = long((behind + values) as u32);
        }
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        if value.len() > 4 {
            file.extend(long((behind + extra.len()) as u32));
            extra.extend(value);
        } else {
            value.resize(4, 0);
            file.extend(value);
        }
    }
    file.extend([0; 4]);
    file.extend(extra);
    file.extend(short(&sensors));
    file
}

/// Which colours of a pixel are strong.
fn strong(picture: &Picture, x: u32, y: u32) -> [bool; 3] {
    let at = (y * picture.width() + x) as usize * 3;
    let pixel = &picture.rgb()[at..at + 3];
    let most = pixel.iter().max().copied().unwrap();
    [0, 1, 2].map(|channel| pixel[channel] > most / 2)
}

#[test]
fn a_raw_file_without_a_picture_inside_is_developed() {
    let corners = |picture: &Picture| {
        let (right, below) = (picture.width() - 9, picture.height() - 9);
        [(8, 8), (right, 8), (8, below), (right, below)].map(|(x, y)| strong(picture, x, y))
    };
    let [red, green, blue, yellow] = CORNERS.map(|corner| corner.map(|value| value > 100));
    let upright = file_of(&dng((640, 480), 1));
    let all = decode(&upright, "a.dng", None, None).unwrap();
    assert_eq!((all.picture.width(), all.picture.height()), (640, 480));
    assert_eq!(corners(&all.picture), [red, green, blue, yellow]);
    let half = decode(&upright, "a.dng", None, Some(240)).unwrap();
    assert_eq!((half.picture.width(), half.full.width), (320, 640), "of half the size, which is enough");
    let turned = decode(&file_of(&dng((640, 480), 6)), "a.dng", None, None).unwrap();
    assert_eq!((turned.full.width, turned.full.height), (480, 640));
    assert_eq!(corners(&turned.picture), [blue, red, yellow, green], "a quarter to the right");
}

#[test]
fn a_raw_file_that_cannot_be_developed_says_so() {
    let damaged = &dng((640, 480), 1)[..400];
    let error = decode(&file_of(damaged), "a.dng", None, None).unwrap_err();
    assert!(matches!(error, DecodeError::NotDeveloped(_)), "{error}");
    assert!(error.to_string().contains("could not be developed"), "{error}");
}
