//! What the user set: flags over environment over configuration file over defaults, and what these settings mean.

mod layer;
mod places;
mod server;
mod template;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Result;
use clap::ValueEnum;
use serde::Deserialize;
use vision::provider::WantedProvider;

use crate::exit::Exit;
use crate::importing::Layout;
use crate::seeing::SeeingOptions;

pub use self::layer::{Layer, Sidecars};
pub use self::places::{KnownRoots, Places, real_path};
pub use self::server::ServerUrl;
pub use self::template::template;

/// Whether extended attributes are answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Xattrs {
    /// `user.*` attributes are answered.
    #[default]
    User,
    /// None at all: the kernel stops asking, and listings are as fast as on a plain disk.
    Off,
}

/// A setting that is on or off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnOff {
    /// On.
    #[default]
    On,
    /// Off.
    Off,
}

/// Whether the kernel may read originals by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Passthrough {
    /// Where the kernel and our rights allow it.
    #[default]
    Auto,
    /// Never.
    Off,
}

/// Whether photos are looked at while the machine runs on its battery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBattery {
    /// As ever.
    #[default]
    Work,
    /// Not until it is plugged in.
    Pause,
}

/// Where the web gallery will answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum Listen {
    /// Nowhere.
    #[default]
    Off,
    /// At this address.
    At(SocketAddr),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            address => address
                .parse()
                .map(Self::At)
                .map_err(|_| format!("`{address}` is neither `off` nor ADDRESS:PORT, as in 127.0.0.1:2283")),
        }
    }
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

/// Everything decided before the library is opened. Paths are absolute, not yet resolved.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// The watched folders; empty: those the library knows.
    pub photos: Vec<PathBuf>,
    /// Where new files will go.
    pub upload: Option<PathBuf>,
    /// The data folder.
    pub data: PathBuf,
    /// Where to mount; `None`: nowhere.
    pub mount: Option<PathBuf>,
    /// Where models lie; `None`: in the data folder.
    pub models: Option<PathBuf>,
    /// What computes.
    pub provider: WantedProvider,
    /// The ONNX Runtime to use; `None`: whichever is found.
    pub onnxruntime: Option<PathBuf>,
    /// Whether to wait while on a battery.
    pub on_battery: OnBattery,
    /// Servers that do the inference.
    pub servers: Vec<String>,
    /// Where the web gallery will answer.
    pub listen: Listen,
    /// Extended attributes.
    pub xattrs: Xattrs,
    /// Whether parts stand beside their photo.
    pub parts: OnOff,
    /// Kernel passthrough.
    pub passthrough: Passthrough,
    /// Whether other users may look into the mount.
    pub allow_other: bool,
    /// Where in the upload folder a new file goes.
    pub layout: Layout,
    /// How many photos may be put into the trash within a minute.
    pub trash_guard: usize,
    /// After how many days something in the trash is removed for good; `None`: never.
    pub trash_days: Option<u32>,
    /// Whether what is decided of photos is written into sidecars beside them.
    pub write_sidecars: bool,
}

/// The environment variables this program was started with; a map in tests.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<std::ffi::OsString>;

impl Settings {
    /// Puts the layers on each other: `flags` over `environment` over the file (`--config`, or the usual place).
    pub fn resolve(flags: Layer, config: Option<&Path>, environment: Environment<'_>) -> Result<Self> {
        let folders = Folders::of(environment)?;
        let named = config.map(|path| folders.absolute(path)).or_else(|| {
            environment("GALLERYFS_CONFIG")
                .filter(|path| !path.is_empty())
                .map(|path| folders.absolute(Path::new(&path)))
        });
        let file = match named {
            Some(path) => Layer::from_file(&path, &folders)?.ok_or_else(|| {
                Exit::Usage.because(format!("there is no configuration file {}", path.display()))
            })?,
            None => match folders.config_file() {
                Some(path) => Layer::from_file(&path, &folders)?.unwrap_or_default(),
                None => Layer::default(),
            },
        };
        let environment = Layer::from_environment(environment)?.with_paths(|path| folders.absolute(path));
        let all = flags.with_paths(|path| folders.absolute(path)).over(environment).over(file);
        let data = match all.data {
            Some(data) => data,
            None => folders.data_folder()?,
        };
        Ok(Self {
            photos: all.photos.unwrap_or_default(),
            upload: all.upload,
            data,
            mount: all.mount,
            models: all.models,
            provider: all.provider.unwrap_or_default(),
            onnxruntime: all.onnxruntime,
            on_battery: all.on_battery.unwrap_or_default(),
            servers: all.servers.unwrap_or_default().into_iter().map(|server| server.0).collect(),
            listen: all.listen.unwrap_or_default(),
            xattrs: all.xattrs.unwrap_or_default(),
            parts: all.parts.unwrap_or_default(),
            passthrough: all.passthrough.unwrap_or_default(),
            allow_other: all.allow_other.unwrap_or_default(),
            layout: all.layout.unwrap_or_default(),
            trash_guard: all.trash_guard.unwrap_or(library::TRASH_LIMIT),
            trash_days: all.trash_days,
            write_sidecars: all.sidecars.write.unwrap_or_default(),
        })
    }
}

impl Settings {
    /// How photos are looked at.
    pub fn seeing(&self) -> SeeingOptions {
        SeeingOptions {
            data: self.data.clone(),
            models: self.models.clone().unwrap_or_else(|| self.data.join("models")),
            onnxruntime: self.onnxruntime.clone(),
            provider: self.provider,
            spare_battery: self.on_battery == OnBattery::Pause,
            servers: self.servers.clone(),
        }
    }
}

/// Where the user's own folders are.
#[derive(Debug)]
pub struct Folders {
    current: PathBuf,
    home: Option<PathBuf>,
    config: Option<PathBuf>,
    data: Option<PathBuf>,
}

impl Folders {
    /// Reads `HOME` and the XDG variables. Relative ones are ignored, as the XDG specification asks.
    pub fn of(environment: Environment<'_>) -> Result<Self> {
        let folder = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Ok(Self {
            current: std::env::current_dir()?,
            home: folder("HOME"),
            config: folder("XDG_CONFIG_HOME"),
            data: folder("XDG_DATA_HOME"),
        })
    }

    /// Makes a path absolute without touching the disk; `~/` is the home folder, as no shell expands `--photos=~/x`.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.absolute_from(&self.current, path)
    }

    fn absolute_from(&self, folder: &Path, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => folder.join(path),
        }
    }

    /// Where the configuration file lies when nobody says otherwise.
    pub fn config_file(&self) -> Option<PathBuf> {
        let folder = self.config.clone().or_else(|| self.home.as_ref().map(|home| home.join(".config")))?;
        Some(folder.join("galleryfs/config.toml"))
    }

    fn data_folder(&self) -> Result<PathBuf> {
        let folder = self.data.clone().or_else(|| self.home.as_ref().map(|home| home.join(".local/share")));
        folder
            .map(|folder| folder.join("galleryfs"))
            .ok_or_else(|| Exit::Usage.because("where to keep data? HOME is not set: say --data DIR"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    #[test]
    fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(
            &file,
            "photos = [\"a\", \"~/b\"]\nmount = \"/file\"\nxattrs = \"off\"\nparts = \"off\"\n",
        )
        .unwrap();
        let environment = |name: &str| match name {
            "HOME" => Some(OsString::from("/home/u")),
            "GALLERYFS_MOUNT" => Some("~/environment".into()),
            "GALLERYFS_XATTRS" => Some("user".into()),
            "GALLERYFS_LISTEN" => Some("".into()),
            _ => None,
        };
        let flags = Layer { mount: Some("/flag".into()), ..Layer::default() };
        let settings = Settings::resolve(flags, Some(&file), &environment).unwrap();
        assert_eq!(settings.mount, Some("/flag".into()));
        assert_eq!(settings.xattrs, Xattrs::User, "the environment wins over the file");
        assert_eq!(settings.parts, OnOff::Off, "the file wins over the default");
        assert_eq!(settings.photos, [folder.path().join("a"), "/home/u/b".into()], "relative to the file");
        assert_eq!(settings.listen, Listen::Off, "an empty variable is none");
        assert_eq!(settings.data, Path::new("/home/u/.local/share/galleryfs"));

        let settings = Settings::resolve(Layer::default(), Some(&file), &environment).unwrap();
        assert_eq!(settings.mount, Some("/home/u/environment".into()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, "# mine\nfotos = [\"a\"]\n").unwrap();
        let error = Settings::resolve(Layer::default(), Some(&file), &|_| None).unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Usage);
        let text = error.to_string();
        assert!(text.contains("line 2") && text.contains("fotos") && text.contains("config.toml"), "{text}");

        let environment = |name: &str| (name == "GALLERYFS_XATTRS").then(|| OsString::from("all"));
        let error = Settings::resolve(Layer::default(), None, &environment).unwrap_err().to_string();
        assert!(error.contains("GALLERYFS_XATTRS") && error.contains("all"), "{error}");

        let error = Settings::resolve(Layer::default(), Some(Path::new("/no/such")), &|_| None).unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Usage);
    }
}
