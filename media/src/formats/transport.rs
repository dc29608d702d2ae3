//! MPEG transport streams: what camcorders write as `.mts` and `.m2ts`.
//!
//! What makes it hard:
//!
//! 1. Packets of 188 bytes, or 192 with a time code in front, interleave several streams; what we look for is cut across
//!    packets, so the video's payloads are joined first.
//! 2. The size of an H.264 picture is written bit by bit, in numbers of varying width, with bytes stuffed in between.
//! 3. The date of AVCHD is in a private message of the video stream, in binary-coded decimals.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::mpeg;
use crate::block::{Block, Input, find};
use crate::formats::Found;
use crate::moment::{self, Moment};

/// What is read at the start, for everything, and at the end, for the last clock.
const HEAD: u64 = 1 << 20;
const TAIL: u64 = 512 << 10;

/// Joins the video's packets, then looks into them.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let head = input.up_to(0, HEAD);
    let (lead, step) = if head.first() == Some(&0x47) { (0, 188) } else { (4, 192) };
    let Some(video) = video_id(&head, lead, step) else {
        found.warn("no video was found in the stream");
        return;
    };
    let payload = join(&head, lead, step, video);
    for unit in units(&payload) {
        if unit.first().is_some_and(|kind| kind & 0x1F == 7)
            && let Some((width, height)) = picture_size(&plain(unit))
        {
            found.set_size(width, height);
            break;
        }
    }
    if found.size.is_none() {
        mpeg::take_size(&payload, found);
    }
    found.container.original = avchd_date(&payload);
    let len = input.len();
    // The tail must begin on a packet.
    let from = len.saturating_sub(TAIL) / step as u64 * step as u64;
    let tail = input.up_to(from, TAIL + step as u64);
    let clocks = |bytes| presentation_clocks(bytes, lead, step, video);
    if let (Some(start), Some(end)) = (clocks(&head).into_iter().min(), clocks(&tail).into_iter().max()) {
        found.duration = moment::duration(end.saturating_sub(start) as f64 / 90_000.0);
    }
}

/// Number and payload of each packet, and whether something starts in it.
fn packets(bytes: &[u8], lead: usize, step: usize) -> impl Iterator<Item = (u16, bool, &[u8])> {
    bytes.chunks_exact(step).filter_map(move |chunk| {
        let packet = chunk.get(lead..lead + 188)?;
        let [0x47, high, low, flags, rest @ ..] = packet else { return None };
        let starts = high & 0x40 != 0;
        let id = u16::from(high & 0x1F) << 8 | u16::from(*low);
        let payload = match flags >> 4 & 3 {
            1 => rest,
            3 => rest.get(1 + usize::from(*rest.first()?)..)?,
            _ => return None,
        };
        Some((id, starts, payload))
    })
}

/// The first stream whose packets are marked as video.
fn video_id(bytes: &[u8], lead: usize, step: usize) -> Option<u16> {
    packets(bytes, lead, step)
        .find(|(_, starts, payload)| *starts && matches!(payload, [0, 0, 1, 0xE0..=0xEF, ..]))
        .map(|(id, _, _)| id)
}

fn join(bytes: &[u8], lead: usize, step: usize, wanted: u16) -> Vec<u8> {
    let mut joined = Vec::new();
    for (_, starts, payload) in packets(bytes, lead, step).filter(|(id, _, _)| *id == wanted) {
        let skip = if starts { 9 + payload.get(8).map_or(0, |len| usize::from(*len)) } else { 0 };
        joined.extend_from_slice(payload.get(skip..).unwrap_or_default());
    }
    joined
}

fn presentation_clocks(bytes: &[u8], lead: usize, step: usize, wanted: u16) -> Vec<u64> {
    packets(bytes, lead, step)
        .filter(|(id, starts, _)| *id == wanted && *starts)
        .filter_map(|(_, _, payload)| {
            let [0, 0, 1, _, _, _, _, flags, _, a, b, c, d, e, ..] = payload else { return None };
            (flags & 0x80 != 0).then_some(())?;
            let [a, b, c, d, e] = [*a, *b, *c, *d, *e].map(u64::from);
            Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
        })
        .collect()
}

/// The units between start codes.
fn units(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts =
        bytes.windows(3).enumerate().filter(|(_, window)| *window == [0, 0, 1]).map(|(at, _)| at + 3);
    starts.take(20_000).filter_map(|start| {
        let rest = bytes.get(start..)?;
        // Sequence headers are short; no need to look for where long units end.
        rest.get(..rest.len().min(512))
    })
}

/// Without the bytes stuffed in so that no start code arises by chance.
fn plain(unit: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(unit.len());
    for byte in unit {
        if *byte == 3 && out.ends_with(&[0, 0]) {
            continue;
        }
        out.push(*byte);
    }
    out
}

/// Width and height out of an H.264 sequence header.
fn picture_size(unit: &[u8]) -> Option<(u32, u32)> {
    let profile = *unit.get(1)?;
    let mut bits = Bits { bytes: unit, at: 32 };
    bits.golomb()?;
    let mut chroma = 1;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma = bits.golomb()?;
        if chroma == 3 {
            bits.take(1)?;
        }
        bits.golomb()?;
        bits.golomb()?;
        bits.take(1)?;
        if bits.take(1)? == 1 {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.take(1)? == 1 {
                    bits.scaling_list(if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.golomb()?;
    match bits.golomb()? {
        0 => {
            bits.golomb()?;
        }
        1 => {
            bits.take(1)?;
            bits.golomb()?;
            bits.golomb()?;
            for _ in 0..bits.golomb()?.min(255) {
                bits.golomb()?;
            }
        }
        _ => {}
    }
    bits.golomb()?;
    bits.take(1)?;
    let width = (bits.golomb()?.checked_add(1)?).checked_mul(16)?;
    let rows = bits.golomb()?.checked_add(1)?;
    let frames_only = bits.take(1)?;
    let height = rows.checked_mul(16 * (2 - frames_only))?;
    if frames_only == 0 {
        bits.take(1)?;
    }
    bits.take(1)?;
    let (mut across, mut down) = (0, 0);
    if bits.take(1)? == 1 {
        let unit_x = if chroma == 0 || chroma == 3 { 1 } else { 2 };
        let unit_y = if chroma == 1 { 2 } else { 1 } * (2 - frames_only);
        across = bits.golomb()?.checked_add(bits.golomb()?)?.checked_mul(unit_x)?;
        down = bits.golomb()?.checked_add(bits.golomb()?)?.checked_mul(unit_y)?;
    }
    Some((width.checked_sub(across)?, height.checked_sub(down)?))
}

/// Bits, highest first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// A number that says its own width in unary.
    fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
            (zeros < 31).then_some(())?;
        }
        Some((1u32 << zeros) - 1 + self.take(zeros)?)
    }

    fn scaling_list(&mut self, size: u32) -> Option<()> {
        let (mut last, mut next) = (8i64, 8i64);
        for _ in 0..size {
            if next != 0 {
                let coded = i64::from(self.golomb()?);
                let delta = if coded % 2 == 1 { (coded + 1) / 2 } else { -(coded / 2) };
                next = (last + delta).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
        Some(())
    }
}

/// The message `MDPM`: entries of a tag and four bytes; 0x18 and 0x19 are the date.
fn avchd_date(payload: &[u8]) -> Option<Moment> {
    const MESSAGE: &[u8] = b"\x17\xEE\x8C\x60\xF8\x4D\x11\xD9\x8C\xD6\x08\x00\x20\x0C\x9A\x66MDPM";
    let at = find(payload, MESSAGE)? + MESSAGE.len();
    let message = plain(payload.get(at..(at + 512).min(payload.len()))?);
    let (count, entries) = message.split_first()?;
    let mut entries = entries.chunks_exact(5).take(usize::from(*count));
    let [_, zone, century, year, month] = entries.by_ref().find(|entry| entry.first() == Some(&0x18))? else {
        return None;
    };
    let [0x19, day, hour, minute, second] = entries.next()? else { return None };
    let decimal = |byte: &u8| match (byte >> 4, byte & 15) {
        (tens @ 0..=9, ones @ 0..=9) => Some((tens * 10 + ones) as i8),
        _ => None,
    };
    let year = i16::from(decimal(century)?) * 100 + i16::from(decimal(year)?);
    let (month, day) = (decimal(month)?, decimal(day)?);
    let local =
        DateTime::new(year, month, day, decimal(hour)?, decimal(minute)?, decimal(second)?, 0).ok()?;
    // Half hours, a sign, summer time; all ones when the camera was never told.
    let halves = i32::from(zone >> 1 & 0x1F);
    let sign = if zone & 0x20 == 0 { 1 } else { -1 };
    let known = zone & 0x80 == 0 && *zone != 0x7F && halves <= 28;
    let offset = known
        .then(|| Offset::from_seconds(sign * (halves * 3600 + i32::from(zone & 1) * 1800)).ok())
        .flatten();
    Some(Moment { local, offset, date_only: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dated(date: [u8; 10]) -> Option<Moment> {
        let mut payload =
            b"\x17\xEE\x8C\x60\xF8\x4D\x11\xD9\x8C\xD6\x08\x00\x20\x0C\x9A\x66MDPM\x02".to_vec();
        payload.extend(date);
        avchd_date(&payload)
    }

    #[test]
    fn decimals_with_digits_beyond_nine_are_no_date() {
        let good = [0x18, 0x04, 0x20, 0x24, 0x05, 0x19, 0x17, 0x12, 0x30, 0x45];
        assert_eq!(dated(good).unwrap().local.to_string(), "2024-05-17T12:30:45");
        for at in [2, 3, 4, 6, 7, 8, 9] {
            let mut bad = good;
            bad[at] = 0xFF;
            assert_eq!(dated(bad), None);
        }
    }
}
