//! What the compiled-in geography costs: the budget of an idle daemon has room for little of it.

use std::time::Instant;

use library::metadata::Gps;
use media::{place, zone};

/// Memory of our own, in megabytes.
fn anonymous_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
}

#[test]
fn geography_stays_small() {
    let rome = Gps { lat: 41.895, lon: 12.482, altitude: None };
    let (Some(before), start) = (anonymous_mb(), Instant::now()) else { return };
    zone::at(&rome, zone::When::Local("2024-07-01T12:00".parse().unwrap())).unwrap();
    let (zones, loaded) = (anonymous_mb().unwrap() - before, start.elapsed());
    println!("zones: {zones:.1} MB, first answer after {loaded:?}");
    let start = Instant::now();
    place::nearest(&rome).unwrap();
    let (places, loaded) = (anonymous_mb().unwrap() - before - zones, start.elapsed());
    println!("places: {places:.1} MB, first answer after {loaded:?}");
    let start = Instant::now();
    for step in 0..10_000 {
        let gps =
            Gps { lat: f64::from(step % 120) - 60.0, lon: f64::from(step % 359) - 179.0, altitude: None };
        place::nearest(&gps);
        zone::at(&gps, zone::When::Local("2024-07-01T12:00".parse().unwrap()));
    }
    println!("both: {:?} each", start.elapsed() / 10_000);
    assert!(zones + places < 80.0, "{zones} + {places} MB");
}
