//! SVG: a size, and XMP if somebody embedded it.

use crate::block::{Block, Input, find};
use crate::formats::Found;

/// Reads the opening tag.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let head = input.up_to(0, 64 << 10);
    let words = String::from_utf8_lossy(&head);
    let tag = words.split("<svg").nth(1).and_then(|rest| rest.split('>').next()).unwrap_or_default();
    let attribute = |name: &str| {
        let at = tag.match_indices(name).find(|(at, _)| {
            let before = tag.get(..*at).and_then(|before| before.chars().last());
            before.is_none_or(char::is_whitespace)
                && tag.get(at + name.len()..).is_some_and(|rest| rest.trim_start().starts_with('='))
        })?;
        let rest = tag.get(at.0 + name.len()..)?.trim_start().strip_prefix('=')?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest.get(1..)?.split(quote).next()
    };
    let boxed: Vec<f64> = attribute("viewBox")
        .map(|text| text.split([' ', ',']).filter_map(|part| part.trim().parse().ok()).collect())
        .unwrap_or_default();
    let side = |name, at: usize| attribute(name).and_then(pixels).or_else(|| boxed.get(at).copied());
    if let (Some(width), Some(height)) = (side("width", 2), side("height", 3))
        && (0.5..1e9).contains(&width)
        && (0.5..1e9).contains(&height)
    {
        found.set_size(width.round() as u32, height.round() as u32);
    }
    if let Some(start) = find(&head, b"<rdf:RDF")
        && let Some(end) = find(&head, b"</rdf:RDF>")
        && let Some(packet) = head.get(start..end + 10)
    {
        found.take_xmp(packet);
    }
}

/// A length in pixels; CSS fixes how many of them the other units are.
fn pixels(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let each = match unit.trim() {
        "" | "px" => 1.0,
        "pt" => 96.0 / 72.0,
        "pc" => 16.0,
        "in" => 96.0,
        "cm" => 96.0 / 2.54,
        "mm" => 96.0 / 25.4,
        _ => return None,
    };
    Some(number.trim().parse::<f64>().ok()? * each)
}
