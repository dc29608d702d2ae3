//! Faces that another program drew: the Metadata Working Group's regions, else Microsoft's.

use library::metadata::PixelSize;

use super::fields::number_in;
use super::tree::Value;
use crate::said::{Region, Regions};
use crate::text::clean;

/// The faces, as fractions of the picture they were drawn on.
///
/// Programs that write both kinds write the same faces twice, so Microsoft's are read only without the other.
pub(super) fn read(properties: &[(String, Value)]) -> Regions {
    let get = |name: &str| properties.iter().find(|(found, _)| found == name).map(|(_, value)| value);
    let group = get("mwg-rs:Regions").map(working_group).unwrap_or_default();
    if !group.faces.is_empty() {
        return group;
    }
    get("MP:RegionInfo").map(microsoft).unwrap_or_default()
}

fn working_group(info: &Value) -> Regions {
    let drawn_on = info.field("mwg-rs:AppliedToDimensions").and_then(|dimensions| {
        let side = |name| {
            dimensions.field(name).and_then(Value::text).and_then(number_in).filter(|side| *side >= 1.0)
        };
        Some(PixelSize { width: side("stDim:w")? as u32, height: side("stDim:h")? as u32 })
    });
    let list = info.field("mwg-rs:RegionList").map(Value::items).unwrap_or_default();
    let faces = list.into_iter().filter_map(|region| {
        let name = region.field("mwg-rs:Name").and_then(Value::text).and_then(clean);
        let kind = region.field("mwg-rs:Type").and_then(Value::text);
        // Focus points, pets and barcodes are regions too. What has a name but no type is a face.
        (kind == Some("Face") || (kind.is_none() && name.is_some())).then_some(())?;
        let area = region.field("mwg-rs:Area")?;
        let part =
            |name: &str| area.field(&format!("stArea:{name}")).and_then(Value::text).and_then(number_in);
        let (mut x, mut y, mut width, mut height) = (part("x")?, part("y")?, part("w")?, part("h")?);
        if area.field("stArea:unit").and_then(Value::text) == Some("pixel") {
            let on = drawn_on?;
            (x, width) = (x / f64::from(on.width), width / f64::from(on.width));
            (y, height) = (y / f64::from(on.height), height / f64::from(on.height));
        }
        Some(Region { name, x, y, width, height })
    });
    Regions { drawn_on, faces: faces.collect() }
}

fn microsoft(info: &Value) -> Regions {
    let list = info.field("MPRI:Regions").map(Value::items).unwrap_or_default();
    let faces = list.into_iter().filter_map(|region| {
        let name = region.field("MPReg:PersonDisplayName").and_then(Value::text).and_then(clean);
        let numbers: Vec<f64> =
            region.field("MPReg:Rectangle")?.text()?.split(',').filter_map(number_in).collect();
        let [left, top, width, height] = numbers.as_slice() else { return None };
        Some(Region { name, x: left + width / 2.0, y: top + height / 2.0, width: *width, height: *height })
    });
    Regions { drawn_on: None, faces: faces.collect() }
}
