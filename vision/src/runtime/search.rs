//! Where ONNX Runtime may lie, and the first that will do.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use super::probe::{Prober, Rejection};
use super::version::Version;

/// Where to look. [`Search::from_environment`] is where a user would expect it.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// What the configuration or `ORT_DYLIB_PATH` names: the library, or the folder it is in.
    pub configured: Option<PathBuf>,
    /// Folders beside the program.
    pub beside_program: Vec<PathBuf>,
    /// Where `galleryfs runtime pull` puts it.
    pub pulled: Option<PathBuf>,
    /// Folders of Python packages (`site-packages`).
    pub python: Vec<PathBuf>,
    /// Whether to ask the system's linker.
    pub system: bool,
}

/// How a library came to be considered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Named by the configuration or `ORT_DYLIB_PATH`.
    Configured,
    /// Lies beside the program.
    BesideProgram,
    /// Fetched by `galleryfs runtime pull`.
    Pulled,
    /// Part of a Python package.
    Python,
    /// Known to the system's linker.
    System,
}

/// A library that may be ONNX Runtime.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Candidate {
    /// The library.
    pub path: PathBuf,
    /// How it came to be considered.
    pub origin: Origin,
}

/// A candidate that will not do, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Rejected {
    /// Which.
    pub candidate: Candidate,
    /// Why not.
    pub reason: String,
}

/// ONNX Runtime, found and checked.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The library.
    pub path: PathBuf,
    /// How it was found.
    pub origin: Origin,
    /// What it says it is.
    pub version: Version,
    /// What came before it and would not do.
    pub rejected: Vec<Rejected>,
}

/// No ONNX Runtime will do. Its message names the command that mends it.
#[derive(Clone, Debug, Serialize, thiserror::Error)]
pub struct NotFound {
    /// What was found and would not do.
    pub rejected: Vec<Rejected>,
}

/// What fetches a runtime.
pub const REMEDY: &str = "galleryfs runtime pull cpu";

impl std::fmt::Display for NotFound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.rejected.as_slice() {
            [] => write!(f, "ONNX Runtime is not installed: `{REMEDY}` fetches it"),
            rejected => {
                write!(f, "no ONNX Runtime that will do: `{REMEDY}` fetches one")?;
                rejected.iter().try_for_each(|rejected| {
                    write!(f, "; {}: {}", rejected.candidate.path.display(), rejected.reason)
                })
            }
        }
    }
}

impl Search {
    /// The usual places: `configured`, or what `ORT_DYLIB_PATH` names; beside the program; `pulled`; the Python packages
    /// of the active environment, the user and the system; the system's linker.
    pub fn from_environment(
        configured: Option<PathBuf>,
        pulled: PathBuf,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let program = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
        let beside_program = program
            .map(|folder| {
                let library = folder.join("../lib/galleryfs");
                vec![folder.clone(), folder.join("lib"), library]
            })
            .unwrap_or_default();
        let mut prefixes: Vec<PathBuf> =
            ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(set).collect();
        prefixes.extend(set("HOME").map(|home| home.join(".local")));
        prefixes.extend(["/usr/local", "/usr"].map(PathBuf::from));
        Self {
            configured: configured.or_else(|| set("ORT_DYLIB_PATH")),
            beside_program,
            pulled: Some(pulled),
            python: prefixes.iter().flat_map(|prefix| site_packages(prefix)).collect(),
            system: true,
        }
    }

    /// Every library that may be ONNX Runtime, in order, each once.
    pub fn candidates(&self) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        let mut add = |paths: Vec<PathBuf>, origin| {
            candidates.extend(paths.into_iter().map(|path| Candidate { path, origin }));
        };
        if let Some(configured) = &self.configured {
            // A named file is considered even when it is not there: its absence is worth telling.
            let named = if configured.is_dir() { in_folder(configured) } else { Vec::new() };
            add(if named.is_empty() { vec![configured.clone()] } else { named }, Origin::Configured);
        }
        add(self.beside_program.iter().flat_map(|folder| in_folder(folder)).collect(), Origin::BesideProgram);
        add(self.pulled.iter().flat_map(|folder| in_folder(folder)).collect(), Origin::Pulled);
        add(
            self.python.iter().flat_map(|packages| in_folder(&packages.join("onnxruntime/capi"))).collect(),
            Origin::Python,
        );
        if self.system {
            add(known_to_linker(), Origin::System);
        }
        let mut seen = std::collections::BTreeSet::new();
        candidates.retain(|candidate| {
            seen.insert(std::fs::canonicalize(&candidate.path).unwrap_or_else(|_| candidate.path.clone()))
        });
        candidates
    }
}

/// The libraries of ONNX Runtime in a folder, newest version first, plain name last.
fn in_folder(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(Option<Version>, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix("libonnxruntime.so")?;
            let version = version.strip_prefix('.').unwrap_or(version);
            Some((version.parse().ok(), entry.path()))
        })
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, path)| path).collect()
}

/// `PREFIX/lib*/python3.*/{site,dist}-packages`, newest Python first.
fn site_packages(prefix: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for lib in ["lib", "lib64"] {
        let Ok(entries) = std::fs::read_dir(prefix.join(lib)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(minor) = name.to_str().and_then(|name| name.strip_prefix("python3")) else { continue };
            let minor: u32 = minor.strip_prefix('.').and_then(|minor| minor.parse().ok()).unwrap_or(0);
            for packages in ["site-packages", "dist-packages"] {
                let path = entry.path().join(packages);
                if path.is_dir() {
                    found.push((minor, path));
                }
            }
        }
    }
    found.sort_by_key(|(minor, _)| std::cmp::Reverse(*minor));
    found.into_iter().map(|(_, path)| path).collect()
}

/// What `ldconfig -p` lists, and the folders it reads by default where it cannot be run.
fn known_to_linker() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for ldconfig in ["ldconfig", "/sbin/ldconfig", "/usr/sbin/ldconfig"] {
        if let Ok(output) = Command::new(ldconfig).arg("-p").stdin(std::process::Stdio::null()).output() {
            found = listed(&String::from_utf8_lossy(&output.stdout));
            break;
        }
    }
    for folder in [
        "/usr/local/lib",
        "/usr/lib64",
        "/usr/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ] {
        found.extend(in_folder(Path::new(folder)));
    }
    found
}

/// The libraries of ONNX Runtime among the lines of `ldconfig -p`: `\tlibonnxruntime.so.1 (libc6,x86-64) => /usr/...`.
fn listed(lines: &str) -> Vec<PathBuf> {
    lines
        .lines()
        .filter(|line| line.trim_start().starts_with("libonnxruntime.so"))
        .filter_map(|line| line.split_once(" => "))
        .map(|(_, path)| PathBuf::from(path.trim()))
        .collect()
}

/// The first candidate that will do, each checked in a child process.
pub fn find(search: &Search, prober: &Prober) -> Result<Found, NotFound> {
    let mut rejected = Vec::new();
    for candidate in search.candidates() {
        let checked = if candidate.path.is_file() {
            prober.check(&candidate.path)
        } else {
            Err(Rejection::Failed("there is no such file".to_owned()))
        };
        match checked {
            Ok(version) if version.will_do() => {
                return Ok(Found { path: candidate.path, origin: candidate.origin, version, rejected });
            }
            Ok(version) => {
                let reason = format!("version {version} is too old or too new: {} or later", Version::OLDEST);
                rejected.push(Rejected { candidate, reason });
            }
            Err(rejection) => rejected.push(Rejected { candidate, reason: rejection.to_string() }),
        }
    }
    Err(NotFound { rejected })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }

    #[test]
    fn places_are_looked_at_in_order_and_versions_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in [
            "named/my-runtime.so",
            "program/libonnxruntime.so.1.20.0",
            "pulled/libonnxruntime.so.1.9.0",
            "pulled/libonnxruntime.so.1.32.0",
            "pulled/libonnxruntime_providers_shared.so",
            "venv/lib/python3.9/site-packages/onnxruntime/capi/libonnxruntime.so.1.19.0",
            "venv/lib/python3.12/site-packages/onnxruntime/capi/libonnxruntime.so.1.22.0",
        ] {
            touch(&at(path));
        }
        std::os::unix::fs::symlink("libonnxruntime.so.1.32.0", at("pulled/libonnxruntime.so.1")).unwrap();
        let search = Search {
            configured: Some(at("named/my-runtime.so")),
            beside_program: vec![at("program")],
            pulled: Some(at("pulled")),
            python: site_packages(&at("venv")),
            system: false,
        };
        let found: Vec<_> = search
            .candidates()
            .into_iter()
            .map(|candidate| {
                (candidate.origin, candidate.path.strip_prefix(folder.path()).unwrap().display().to_string())
            })
            .collect();
        let python = "venv/lib/python3.12/site-packages/onnxruntime/capi/libonnxruntime.so.1.22.0";
        let older_python = "venv/lib/python3.9/site-packages/onnxruntime/capi/libonnxruntime.so.1.19.0";
        let expected = [
            (Origin::Configured, "named/my-runtime.so"),
            (Origin::BesideProgram, "program/libonnxruntime.so.1.20.0"),
            (Origin::Pulled, "pulled/libonnxruntime.so.1.32.0"),
            (Origin::Pulled, "pulled/libonnxruntime.so.1.9.0"),
            (Origin::Python, python),
            (Origin::Python, older_python),
        ];
        assert_eq!(found, expected.map(|(origin, path)| (origin, path.to_owned())));
    }

    #[test]
    fn the_environment_names_a_library_unless_the_configuration_does() {
        let variable = |name: &str| (name == "ORT_DYLIB_PATH").then(|| OsString::from("/from/environment"));
        let search = |configured| Search::from_environment(configured, "/pulled".into(), &variable);
        assert_eq!(search(None).configured, Some("/from/environment".into()));
        assert_eq!(search(Some("/configured".into())).configured, Some("/configured".into()));
        let empty = Search::from_environment(None, "/pulled".into(), &|_| Some(OsString::new()));
        assert_eq!(empty.configured, None);
    }

    #[test]
    fn the_linkers_list_is_read() {
        let lines = "3 libs found in cache\n\tlibonnx.so (libc6,x86-64) => /usr/lib/libonnx.so\n\
            \tlibonnxruntime.so.1.21 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libonnxruntime.so.1.21\n";
        assert_eq!(listed(lines), [PathBuf::from("/usr/lib/x86_64-linux-gnu/libonnxruntime.so.1.21")]);
    }

    #[test]
    fn what_is_missing_is_told_with_its_remedy() {
        assert!(NotFound { rejected: Vec::new() }.to_string().contains(REMEDY));
        let candidate = Candidate { path: "/x/libonnxruntime.so".into(), origin: Origin::System };
        let rejected = vec![Rejected { candidate, reason: "it hung".to_owned() }];
        let told = NotFound { rejected }.to_string();
        assert!(told.contains(REMEDY) && told.contains("/x/libonnxruntime.so: it hung"), "{told}");
    }
}
