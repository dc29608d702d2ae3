//! How packages are installed here.

/// The command that installs `package` on this distribution (its name is the same on all that we know).
pub(super) fn install(package: &str) -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let sudo = if rustix::process::geteuid().is_root() { "" } else { "sudo " };
    match family(&release) {
        Some("debian") => format!("{sudo}apt-get install {package}"),
        Some("fedora") => format!("{sudo}dnf install {package}"),
        Some("arch") => format!("{sudo}pacman -S {package}"),
        Some("suse") => format!("{sudo}zypper install {package}"),
        _ => format!("install the package {package} with your distribution's installer"),
    }
}

fn family(release: &str) -> Option<&'static str> {
    let words = release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches(['"', '\'']).split(' '));
    words.into_iter().find_map(|word| match word {
        "debian" | "ubuntu" => Some("debian"),
        "fedora" | "rhel" | "centos" => Some("fedora"),
        "arch" => Some("arch"),
        "suse" | "opensuse" | "sles" => Some("suse"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::family;

    #[test]
    fn a_derived_distribution_is_known_by_its_parents() {
        assert_eq!(family("NAME=Mint\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"), Some("debian"));
        assert_eq!(family("ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n"), Some("suse"));
        assert_eq!(family("ID=nixos\n"), None);
    }
}
