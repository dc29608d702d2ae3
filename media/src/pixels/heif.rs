//! HEIC and its kin: HEVC by `heic-decoder`, JPEG inside HEIF by libjpeg; of what neither takes, the thumbnail inside.

use std::io::Cursor;

use heic_decoder::HeifError;

use super::colour::profile_of_cicp;
use super::{DecodeError, Stored, avif, budget, jp2, jpeg, preview};
use crate::block::Input;
use crate::formats::Pictures;

/// Bytes the decoder holds a pixel: its samples are 32 bits wide, and RGB is made beside them.
const BYTES_PER_PIXEL: u64 = 6;

/// Decodes the primary picture.
pub(super) fn decode(bytes: &[u8], least: Option<u32>) -> Result<Stored, DecodeError> {
    let mut cursor = Cursor::new(bytes);
    let mut input = Input::new(&mut cursor)?;
    let mut pictures = Pictures::open(&mut input);
    let primary = pictures
        .as_ref()
        .and_then(|pictures| Some((pictures.primary()?, pictures.kind(pictures.primary()?)?)));
    if let (Some(pictures), Some((id, kind))) = (&mut pictures, primary) {
        let mut coded = || {
            let coded = pictures.bytes(&mut input, id);
            coded.ok_or_else(|| DecodeError::Damaged("its picture lies outside the file".to_owned()))
        };
        match &kind {
            b"jpeg" => return jpeg::decode(&coded()?, least),
            b"j2k1" => return jp2::decode(&coded()?, least),
            b"av01" => return avif::decode(bytes),
            b"unci" => return Err(DecodeError::Unsupported("a HEIF picture stored uncompressed".to_owned())),
            b"avc1" | b"vvc1" | b"evc1" | b"mski" => {
                let name = kind.escape_ascii();
                return Err(DecodeError::Unsupported(format!("a HEIF picture coded as {name}")));
            }
            _ => {}
        }
    }
    hevc(bytes).or_else(|reason| {
        // Phones put a small JPEG into the EXIF block; better than nothing, but not as good as to hide what is too large.
        let small = matches!(reason, DecodeError::Unsupported(_) | DecodeError::Damaged(_))
            .then(|| preview::largest_jpeg(&mut input))
            .flatten()
            .and_then(|found| found.decode(&mut input, least).ok());
        small.ok_or(reason)
    })
}

fn hevc(bytes: &[u8]) -> Result<Stored, DecodeError> {
    let mended = without_empty_associations(bytes);
    let bytes = mended.as_deref().unwrap_or(bytes);
    let info = heic_decoder::probe(bytes).map_err(explain)?;
    budget::pixels(info.coded_width as u64, info.coded_height as u64, BYTES_PER_PIXEL)?;
    let image = heic_decoder::decode(bytes).map_err(explain)?;
    let (width, height) = (image.width as u64, image.height as u64);
    let profile = image.metadata.icc_profile.clone().or_else(|| {
        let info = image.color_info?;
        profile_of_cicp(
            u8::try_from(info.color_primaries).ok()?,
            u8::try_from(info.transfer_characteristics).ok()?,
        )
    });
    let rgb = if image.alpha.is_some() {
        let rgba = image.to_rgba8().map_err(explain)?;
        super::still::over_white_all(&rgba.data)
    } else {
        image.to_rgb8().map_err(explain)?.data
    };
    Ok(Stored::new(width, height, rgb)?.with_profile(profile).upright())
}

fn explain(error: HeifError) -> DecodeError {
    match error {
        HeifError::Unsupported(what) => DecodeError::Unsupported(what.to_owned()),
        error => DecodeError::damaged(error),
    }
}

/// Some phones associate items with property 0, which the standard reads as none and the decoder refuses. The same
/// bytes, with each of those naming the item's first property once more; `None` where there is nothing to mend.
pub(crate) fn without_empty_associations(bytes: &[u8]) -> Option<Vec<u8>> {
    let at = crate::block::find(bytes.get(..bytes.len().min(1 << 20))?, b"ipma")? + 4;
    let mut mended = None;
    let flags = *bytes.get(at + 3)?;
    let (id_width, index_width) =
        (if *bytes.get(at)? == 0 { 2 } else { 4 }, if flags & 1 == 1 { 2usize } else { 1 });
    let count = u32::from_be_bytes(bytes.get(at + 4..at + 8)?.try_into().ok()?);
    let mut at = at + 8;
    for _ in 0..count.min(20_000) {
        let indices = usize::from(*bytes.get(at + id_width)?);
        let first = at + id_width + 1;
        let list = bytes.get(first..first + indices * index_width)?;
        let usable = list.chunks(index_width).find(|index| index.iter().any(|byte| byte & 0x7F != 0));
        for (n, index) in list.chunks(index_width).enumerate() {
            if index.iter().all(|byte| *byte == 0)
                && let Some(usable) = usable
            {
                let copy: &mut Vec<u8> = mended.get_or_insert_with(|| bytes.to_vec());
                let start = first + n * index_width;
                copy.get_mut(start..start + index_width)?.copy_from_slice(usable);
            }
        }
        at = first + indices * index_width;
    }
    mended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_association_with_nothing_is_given_something() {
        let file = b"....ipma\0\0\0\0\0\0\0\x02\0\x01\x03\x81\0\x02\0\x02\x01\x03tail";
        let mended = without_empty_associations(file).unwrap();
        assert_eq!(mended, b"....ipma\0\0\0\0\0\0\0\x02\0\x01\x03\x81\x81\x02\0\x02\x01\x03tail");
        assert_eq!(without_empty_associations(&mended), None);
        for len in 0..file.len() {
            let _ = without_empty_associations(&file[..len]);
        }
    }
}
