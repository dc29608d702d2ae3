//! The nearest town: GeoNames' cities of more than 1000 people, compiled in. Nothing is asked of the network.

mod country;

use std::sync::LazyLock;

use library::metadata::{Gps, Place};
use reverse_geocoder::ReverseGeocoder;

use crate::zone;

/// Further from a town than this, a photo is not of that town.
const NEAR_KM: f64 = 25.0;

/// Further than this from any town, not even the country is certain.
const SAME_COUNTRY_KM: f64 = 150.0;

/// Loaded at the first photo with a position, once: a tenth of a second, and memory as `docs/formats.md` tells.
static TOWNS: LazyLock<ReverseGeocoder> = LazyLock::new(ReverseGeocoder::new);

/// The town a position belongs to; only its country when no town is within 25 km, nothing on the open sea.
pub fn nearest(gps: &Gps) -> Option<Place> {
    (gps.lat.abs() <= 90.0 && gps.lon.abs() <= 180.0).then_some(())?;
    let town = TOWNS.search((gps.lat, gps.lon)).record;
    let apart = kilometres(gps, town.lat, town.lon);
    let country = country::name(&town.cc).unwrap_or(&town.cc).to_owned();
    if apart <= NEAR_KM {
        return Some(Place { city: town.name.clone(), region: region(&town.admin1), country });
    }
    (apart <= SAME_COUNTRY_KM && !zone::Finder::at_sea(gps)).then(|| Place {
        city: String::new(),
        region: String::new(),
        country,
    })
}

/// GeoNames' own number of a division is not a name; better none.
fn region(admin1: &str) -> String {
    let named = admin1.chars().any(char::is_alphabetic) && admin1.chars().count() > 2;
    if named { admin1.to_owned() } else { String::new() }
}

/// Along the great circle.
fn kilometres(gps: &Gps, lat: f64, lon: f64) -> f64 {
    const EARTH_RADIUS_KM: f64 = 6371.0;
    let (from, to) = (gps.lat.to_radians(), lat.to_radians());
    let north = ((to - from) / 2.0).sin();
    let east = ((lon - gps.lon).to_radians() / 2.0).sin();
    2.0 * EARTH_RADIUS_KM * (north * north + from.cos() * to.cos() * east * east).sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: f64, lon: f64) -> Option<Place> {
        nearest(&Gps { lat, lon, altitude: None })
    }

    #[test]
    fn towns_countries_and_the_sea() {
        let rome = at(41.895, 12.482).unwrap();
        assert_eq!((rome.city.as_str(), rome.country.as_str()), ("Rome", "Italy"));
        assert!(!rome.region.is_empty());
        assert_eq!(at(0.0, -30.0), None);
        // The middle of the Sahara: the country is all that can be said.
        let sahara = at(26.0, 3.5);
        assert!(sahara.is_none_or(|place| place.city.is_empty() && place.country == "Algeria"));
        assert_eq!(at(f64::NAN, 0.0), None);
    }
}
