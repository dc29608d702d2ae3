//! Whether this machine runs on its battery.

use std::path::Path;

/// As the kernel tells under `/sys/class/power_supply`: a battery is there and discharges, and nothing else feeds it.
pub(super) fn on_battery() -> bool {
    on_battery_by(Path::new("/sys/class/power_supply"))
}

fn on_battery_by(supplies: &Path) -> bool {
    let Ok(supplies) = supplies.read_dir() else { return false };
    let mut discharging = false;
    for supply in supplies.flatten() {
        let says = |what: &str| std::fs::read_to_string(supply.path().join(what)).unwrap_or_default();
        // The battery of a mouse has the scope `Device`.
        match says("type").trim() {
            "Mains" | "USB" if says("online").trim() == "1" => return false,
            "Battery" if says("scope").trim() != "Device" => {
                discharging |= says("status").trim() == "Discharging";
            }
            _ => {}
        }
    }
    discharging
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plug_and_a_mouse_are_no_battery() {
        let dir = tempfile::tempdir().unwrap();
        let supply = |name: &str, says: &[(&str, &str)]| {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
            for (what, value) in says {
                std::fs::write(dir.path().join(name).join(what), format!("{value}\n")).unwrap();
            }
        };
        assert!(!on_battery_by(dir.path()));
        supply("mouse", &[("type", "Battery"), ("scope", "Device"), ("status", "Discharging")]);
        assert!(!on_battery_by(dir.path()));
        supply("BAT0", &[("type", "Battery"), ("status", "Discharging")]);
        assert!(on_battery_by(dir.path()));
        supply("AC", &[("type", "Mains"), ("online", "1")]);
        assert!(!on_battery_by(dir.path()));
    }
}
