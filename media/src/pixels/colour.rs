//! Colour profiles: whatever a file's numbers mean, afterwards they mean sRGB.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// Pixels converted at a time.
const STRETCH: usize = 8192;

/// Converts 8-bit RGB to sRGB by the profile embedded in the file. A profile that is damaged, or is of another kind
/// than the pixels, is left out: the numbers are then taken for sRGB, as every viewer does.
pub(super) fn to_srgb(rgb: &mut [u8], profile: &[u8]) {
    let Ok(profile) = ColorProfile::new_from_slice(profile) else { return };
    let grey = match profile.color_space {
        DataColorSpace::Rgb => false,
        DataColorSpace::Gray => true,
        _ => return,
    };
    let srgb = ColorProfile::new_srgb();
    let layout = if grey { Layout::Gray } else { Layout::Rgb };
    let options = TransformOptions::default();
    let Ok(transform) = profile.create_transform_8bit(layout, &srgb, Layout::Rgb, options) else { return };
    // Most embedded profiles are sRGB itself under one of many names; those cost nothing.
    let probe = probe_colours(grey);
    let mut converted = vec![0; probe.len() / if grey { 1 } else { 3 } * 3];
    if transform.transform(&probe, &mut converted).is_err() {
        return;
    }
    let expected: Vec<u8> = if grey { probe.iter().flat_map(|value| [*value; 3]).collect() } else { probe };
    if converted.iter().zip(&expected).all(|(new, old)| new.abs_diff(*old) <= 1) {
        return;
    }
    let mut from = Vec::with_capacity(STRETCH * 3);
    for stretch in rgb.chunks_mut(STRETCH * 3) {
        from.clear();
        if grey {
            from.extend(stretch.iter().step_by(3));
        } else {
            from.extend_from_slice(stretch);
        }
        if transform.transform(&from, stretch).is_err() {
            return;
        }
    }
}

/// A grid through the colours, to see what a profile does to them.
fn probe_colours(grey: bool) -> Vec<u8> {
    let steps = (0..=255u8).step_by(51);
    if grey {
        return (0..=255).collect();
    }
    let mut colours = Vec::new();
    for red in steps.clone() {
        for green in steps.clone() {
            colours.extend(steps.clone().flat_map(|blue| [red, green, blue]));
        }
    }
    colours
}

/// Converts 8-bit CMYK (0 = no ink) to sRGB, by the profile where there is a usable one, else by the plain formula.
pub(super) fn cmyk_to_srgb(cmyk: &[u8], profile: Option<&[u8]>) -> Vec<u8> {
    let mut rgb = vec![0; cmyk.len() / 4 * 3];
    let profile = profile.and_then(|bytes| ColorProfile::new_from_slice(bytes).ok());
    let profile = profile.filter(|profile| profile.color_space == DataColorSpace::Cmyk);
    // The library has no layout of its own for four inks: it takes them as the four channels they are.
    let transform = profile.and_then(|profile| {
        let srgb = ColorProfile::new_srgb();
        profile.create_transform_8bit(Layout::Rgba, &srgb, Layout::Rgb, TransformOptions::default()).ok()
    });
    if let Some(transform) = transform
        && transform.transform(cmyk, &mut rgb).is_ok()
    {
        return rgb;
    }
    for (pixel, out) in cmyk.as_chunks::<4>().0.iter().zip(rgb.as_chunks_mut::<3>().0) {
        let [cyan, magenta, yellow, black] = pixel.map(|ink| 255 - u16::from(ink));
        *out = [cyan, magenta, yellow].map(|light| ((light * black + 127) / 255) as u8);
    }
    rgb
}

/// One pixel with an opacity, laid over white.
pub(super) fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u16::from(value), u16::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// The profile of primaries and a transfer curve named by number (ITU-T H.273), where it is another than sRGB's.
pub(super) fn profile_of_cicp(primaries: u8, transfer: u8) -> Option<Vec<u8>> {
    let known_primaries = moxcms::CicpColorPrimaries::try_from(primaries).ok()?;
    let known_transfer = moxcms::TransferCharacteristics::try_from(transfer).ok()?;
    // 1 and 2 are BT.709 and "unknown", which cameras write for what is sRGB in all but name.
    let usual = matches!(primaries, 0..=2) && matches!(transfer, 0..=2 | 6 | 13..=15);
    if usual {
        return None;
    }
    let mut profile = ColorProfile::new_srgb();
    let changed = profile.update_rgb_colorimetry_from_cicp(moxcms::CicpProfile {
        color_primaries: known_primaries,
        transfer_characteristics: known_transfer,
        matrix_coefficients: moxcms::MatrixCoefficients::Identity,
        full_range: true,
    });
    if changed { profile.encode().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_colours_become_srgb() {
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        // sRGB's orange, as Display P3 writes it, and a grey, which is the same in both.
        let mut rgb = vec![237, 140, 58, 128, 128, 128];
        to_srgb(&mut rgb, &p3);
        assert!(rgb[0] >= 250 && rgb[1].abs_diff(136) < 6 && rgb[2] < 30, "{rgb:?}");
        assert!(rgb[3..].iter().all(|value| value.abs_diff(128) <= 1), "{rgb:?}");
    }

    #[test]
    fn srgb_and_rubbish_change_nothing() {
        let srgb = ColorProfile::new_srgb().encode().unwrap();
        for profile in [&srgb[..], b"rubbish", &srgb[..40]] {
            let mut rgb: Vec<u8> = (0..=255).chain(0..=255).chain(0..=255).collect();
            let before = rgb.clone();
            to_srgb(&mut rgb, profile);
            assert_eq!(rgb, before);
        }
    }

    #[test]
    fn inks_without_a_profile() {
        let rgb = cmyk_to_srgb(&[0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 255], None);
        assert_eq!(rgb, [255, 255, 255, 255, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn what_is_transparent_is_white() {
        assert_eq!((over_white(10, 0), over_white(10, 255), over_white(0, 128)), (255, 10, 127));
    }
}
