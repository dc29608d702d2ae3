//! How the system's pip is configured: which index it asks, and whom it trusts.
//!
//! `PIP_INDEX_URL`, `PIP_EXTRA_INDEX_URL` and `PIP_CERT`, then `index-url`, `extra-index-url` and `cert` of the files
//! pip reads: of the active environment, the user, the system. Another registry, an office's mirror or an added
//! authority works for us as it does for pip.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::download::Client;

/// Where pip asks when nobody told it otherwise.
const DEFAULT_INDEX: &str = "https://pypi.org/simple";
/// No configuration file is longer.
const MAX_FILE: u64 = 1 << 20;

/// What pip is configured with, as far as it matters here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PipSettings {
    /// The indexes, the main one first.
    pub indexes: Vec<String>,
    /// A file of certificates to trust instead of the system's.
    pub cert: Option<PathBuf>,
}

impl Default for PipSettings {
    fn default() -> Self {
        Self { indexes: vec![DEFAULT_INDEX.to_owned()], cert: None }
    }
}

impl PipSettings {
    /// As the environment and the files of this machine say.
    pub fn of_this_machine() -> Self {
        Self::from(&|name| std::env::var_os(name))
    }

    /// As these variables, and the files they lead to, say.
    pub fn from(variable: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let files: Vec<Options> = files(&set).iter().map(|path| Options::read(path)).collect();
        let option = |name: &str, key: &str| {
            text(name).or_else(|| files.iter().find_map(|options| options.get(key).map(str::to_owned)))
        };
        let mut indexes =
            vec![option("PIP_INDEX_URL", "index-url").unwrap_or_else(|| DEFAULT_INDEX.to_owned())];
        if let Some(extra) = option("PIP_EXTRA_INDEX_URL", "extra-index-url") {
            indexes.extend(extra.split_whitespace().map(str::to_owned));
        }
        Self { indexes, cert: option("PIP_CERT", "cert").map(PathBuf::from) }
    }

    /// A client that trusts whom pip trusts.
    pub(crate) fn client(&self) -> Client {
        match self.cert.as_deref().map(Client::trusting) {
            Some(Ok(client)) => client,
            Some(Err(error)) => {
                tracing::warn!(%error, "the certificates pip is configured with cannot be read");
                Client::new()
            }
            None => Client::new(),
        }
    }
}

/// The files pip reads, the one that counts most first.
fn files(set: &dyn Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let named = set("PIP_CONFIG_FILE").map(PathBuf::from);
    if named.as_deref() == Some(Path::new("/dev/null")) {
        // How pip is told to read no file at all.
        return Vec::new();
    }
    let home = set("HOME").map(PathBuf::from);
    let user =
        set("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(".config")));
    let mut files: Vec<PathBuf> = named.into_iter().collect();
    files.extend(set("VIRTUAL_ENV").map(|environment| PathBuf::from(environment).join("pip.conf")));
    files.extend(user.map(|user| user.join("pip/pip.conf")));
    files.extend(home.map(|home| home.join(".pip/pip.conf")));
    let system = set("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".into());
    files.extend(std::env::split_paths(&system).map(|folder| folder.join("pip/pip.conf")));
    files.push("/etc/pip.conf".into());
    files
}

/// The options of one file that matter for a download.
#[derive(Default, Debug)]
pub struct Options(Vec<(String, String)>);

impl Options {
    fn read(path: &Path) -> Self {
        let fits =
            std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MAX_FILE);
        let content = fits.then(|| std::fs::read(path).ok()).flatten().unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&content))
    }

    /// Reads what Python's configparser reads: sections, `key = value` or `key: value`, indented lines that continue a
    /// value, `#` and `;` before comments. The section of a command counts more than `global`.
    pub fn parse(content: &str) -> Self {
        let mut options: Vec<(bool, String, String)> = Vec::new();
        let mut section = None;
        for line in content.lines() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = match name.trim() {
                    "global" => Some(false),
                    "download" => Some(true),
                    _ => None,
                };
                continue;
            }
            let Some(of_command) = section else { continue };
            if line.starts_with([' ', '\t'])
                && let Some((_, _, value)) = options.last_mut()
            {
                value.push('\n');
                value.push_str(trimmed);
                continue;
            }
            if let Some((key, value)) = trimmed.split_once(['=', ':']) {
                let key = key.trim().to_ascii_lowercase().replace('_', "-");
                options.push((of_command, key, value.trim().to_owned()));
            }
        }
        options.sort_by_key(|(of_command, ..)| !of_command);
        Self(options.into_iter().map(|(_, key, value)| (key, value)).collect())
    }

    /// The value of an option, if it is set.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, value)| name == key && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pips_own_index_is_asked_where_nothing_is_configured() {
        let nothing = PipSettings::from(&|name| (name == "PIP_CONFIG_FILE").then(|| "/dev/null".into()));
        assert_eq!(nothing, PipSettings::default());
    }

    #[test]
    fn variables_count_more_than_files_and_the_users_more_than_the_systems() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        };
        write("system/pip/pip.conf", "[global]\nindex-url = https://system/simple\ncert = /system.pem\n");
        write(
            "home/.config/pip/pip.conf",
            "[global]\nindex-url = https://user/simple\nextra-index-url =\n  https://a/simple\n  https://b/simple\n",
        );
        let at = |path: &str| folder.path().join(path).into_os_string();
        let variable = |name: &str| match name {
            "HOME" => Some(at("home")),
            "XDG_CONFIG_DIRS" => Some(at("system")),
            _ => None,
        };
        let settings = PipSettings::from(&variable);
        assert_eq!(settings.indexes, ["https://user/simple", "https://a/simple", "https://b/simple"]);
        assert_eq!(settings.cert, Some("/system.pem".into()));
        let settings = PipSettings::from(&|name| match name {
            "PIP_INDEX_URL" => Some("https://variable/simple".into()),
            other => variable(other),
        });
        assert_eq!(settings.indexes[0], "https://variable/simple");
    }

    #[test]
    fn files_are_read_as_python_reads_them() {
        let options = Options::parse(
            "stray = 1\n# comment\n[global]\nIndex_URL: https://global\n; comment\n[freeze]\nindex-url = no\n[download]\nindex-url=https://download\n",
        );
        assert_eq!(options.get("index-url"), Some("https://download"));
        assert_eq!(options.get("stray"), None);
    }
}
