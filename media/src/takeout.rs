//! The JSON beside each photo of a Google Takeout.

use serde::Deserialize;

use crate::moment::since_1970;
use crate::said::{Said, position};
use crate::text::clean;

/// Only what we take; everything else is skipped unread. serde_json itself refuses nesting beyond 128.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    photo_taken_time: Option<Clock>,
    geo_data: Option<Position>,
    geo_data_exif: Option<Position>,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Clock {
    timestamp: Option<Seconds>,
}

/// Google writes the number as a string; others who write this format do not.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Text(String),
    Number(i64),
}

#[derive(Deserialize)]
struct Position {
    latitude: Option<f64>,
    longitude: Option<f64>,
    altitude: Option<f64>,
}

/// What Google knew. Its zeros for "nowhere" are no position and no reason to warn.
pub(crate) fn read(bytes: &[u8]) -> Said {
    let mut said = Said::default();
    let account: Account = match serde_json::from_slice(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
    {
        Ok(account) => account,
        Err(error) => {
            said.warnings.push(format!("the Takeout sidecar is damaged: {error}"));
            return said;
        }
    };
    let seconds =
        account.photo_taken_time.and_then(|clock| clock.timestamp).and_then(|seconds| match seconds {
            Seconds::Text(text) => text.trim().parse().ok(),
            Seconds::Number(number) => Some(number),
        });
    said.utc = seconds.and_then(since_1970_or_before);
    said.gps = [account.geo_data, account.geo_data_exif].into_iter().flatten().find_map(|place| {
        position(place.latitude?, place.longitude?, place.altitude.filter(|metres| *metres != 0.0)).ok()
    });
    said.description = account.description.as_deref().and_then(clean);
    said
}

/// Scanned photos dated by hand lie before 1970, with a minus.
fn since_1970_or_before(seconds: i64) -> Option<jiff::civil::DateTime> {
    if seconds > 0 {
        return since_1970(seconds);
    }
    let at = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_second(seconds).ok()?);
    (seconds != 0 && at.year() >= 1800).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_google_writes() {
        let said = read(
            br#"{"title":"a.jpg","description":"Hi","photoTakenTime":{"timestamp":"1696566668","formatted":"6 oct. 2023"},
            "geoData":{"latitude":0.0,"longitude":0.0,"altitude":0.0},"geoDataExif":{"latitude":48.7,"longitude":2.1,"altitude":90.0}}"#,
        );
        assert_eq!(said.utc.unwrap().to_string(), "2023-10-06T04:31:08");
        assert_eq!(said.gps.unwrap().lat, 48.7);
        assert_eq!(said.description.as_deref(), Some("Hi"));
    }

    #[test]
    fn what_nobody_writes() {
        let deep = "[".repeat(100_000);
        assert_eq!(read(deep.as_bytes()).warnings.len(), 1);
        assert_eq!(read(b"{\"photoTakenTime\":5}").warnings.len(), 1);
        assert!(read(b"{}").utc.is_none());
        let album = read(br#"{"title":"Holiday","date":{"timestamp":"1"}}"#);
        assert!(album.utc.is_none() && album.warnings.is_empty());
    }
}
