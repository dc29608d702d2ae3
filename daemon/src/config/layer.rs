//! One source of settings: the flags, the environment, or the file.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Result;
use clap::ValueEnum;
use serde::Deserialize;
use vision::provider::WantedProvider;

use super::{Environment, Folders, Listen, OnBattery, OnOff, Passthrough, ServerUrl, Xattrs};
use crate::exit::Exit;
use crate::importing::{Layout, LayoutError};

/// What one source says; `None` is silence. In the file the keys are the names of the flags.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Layer {
    /// `--photos`.
    pub photos: Option<Vec<PathBuf>>,
    /// `--upload`.
    pub upload: Option<PathBuf>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--mount`.
    pub mount: Option<PathBuf>,
    /// `--models`.
    pub models: Option<PathBuf>,
    /// `--provider`.
    pub provider: Option<WantedProvider>,
    /// `--onnxruntime`.
    pub onnxruntime: Option<PathBuf>,
    /// `--on-battery`.
    pub on_battery: Option<OnBattery>,
    /// `--servers`.
    pub servers: Option<Vec<ServerUrl>>,
    /// `--listen`.
    pub listen: Option<Listen>,
    /// `--xattrs`.
    pub xattrs: Option<Xattrs>,
    /// `--parts`.
    pub parts: Option<OnOff>,
    /// `--passthrough`.
    pub passthrough: Option<Passthrough>,
    /// `--allow-other`.
    pub allow_other: Option<bool>,
    /// `--trash-guard`.
    pub trash_guard: Option<usize>,
    /// `--trash-days`.
    pub trash_days: Option<u32>,
    /// `--write-sidecars`; in the file, `write` in `[sidecars]`.
    #[serde(default)]
    pub sidecars: Sidecars,
    /// `--layout`.
    pub layout: Option<Layout>,
}

/// What is to be done with sidecars.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecars {
    /// Whether what is decided of photos is written into sidecars beside them.
    pub write: Option<bool>,
}

impl Layer {
    /// The file at `path`; `None` when there is none. Its relative paths are relative to its folder.
    pub(super) fn from_file(path: &Path, folders: &Folders) -> Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Exit::Usage.because(format!("{}: {error}", path.display()))),
        };
        let layer: Self = toml::from_str(&text)
            .map_err(|error| Exit::Usage.because(format!("{}: {error}", path.display())))?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        Ok(Some(layer.with_paths(|path| folders.absolute_from(folder, path))))
    }

    /// `GALLERYFS_PHOTOS` (several with `:` between), `GALLERYFS_DATA` and so on. An empty variable says nothing.
    pub(super) fn from_environment(environment: Environment<'_>) -> Result<Self> {
        let value = |name: &str| environment(name).filter(|value| !value.is_empty());
        let path = |name: &str| value(name).map(PathBuf::from);
        Ok(Self {
            photos: value("GALLERYFS_PHOTOS").map(|list| {
                std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect()
            }),
            upload: path("GALLERYFS_UPLOAD"),
            data: path("GALLERYFS_DATA"),
            mount: path("GALLERYFS_MOUNT"),
            models: path("GALLERYFS_MODELS"),
            provider: word(environment, "GALLERYFS_PROVIDER", |text| {
                text.parse().map_err(|error: vision::provider::UnknownProvider| error.to_string())
            })?,
            onnxruntime: path("GALLERYFS_ONNXRUNTIME"),
            on_battery: word(environment, "GALLERYFS_ON_BATTERY", choice)?,
            servers: word(environment, "GALLERYFS_SERVERS", |text| {
                text.split(',').map(|url| url.trim().parse()).collect()
            })?,
            listen: word(environment, "GALLERYFS_LISTEN", Listen::from_str)?,
            xattrs: word(environment, "GALLERYFS_XATTRS", choice)?,
            parts: word(environment, "GALLERYFS_PARTS", choice)?,
            passthrough: word(environment, "GALLERYFS_PASSTHROUGH", choice)?,
            allow_other: word(environment, "GALLERYFS_ALLOW_OTHER", yes_or_no)?,
            trash_guard: word(environment, "GALLERYFS_TRASH_GUARD", |text| {
                text.parse().map_err(|_| format!("`{text}` is not a number of photos"))
            })?,
            trash_days: word(environment, "GALLERYFS_TRASH_DAYS", |text| {
                text.parse().map_err(|_| format!("`{text}` is not a number of days"))
            })?,
            sidecars: Sidecars { write: word(environment, "GALLERYFS_WRITE_SIDECARS", yes_or_no)? },
            layout: word(environment, "GALLERYFS_LAYOUT", |text| {
                text.parse().map_err(|error: LayoutError| error.to_string())
            })?,
        })
    }

    /// This layer, with `under` showing through where it says nothing.
    pub(super) fn over(self, under: Self) -> Self {
        Self {
            photos: self.photos.or(under.photos),
            upload: self.upload.or(under.upload),
            data: self.data.or(under.data),
            mount: self.mount.or(under.mount),
            models: self.models.or(under.models),
            provider: self.provider.or(under.provider),
            onnxruntime: self.onnxruntime.or(under.onnxruntime),
            on_battery: self.on_battery.or(under.on_battery),
            servers: self.servers.or(under.servers),
            listen: self.listen.or(under.listen),
            xattrs: self.xattrs.or(under.xattrs),
            parts: self.parts.or(under.parts),
            passthrough: self.passthrough.or(under.passthrough),
            allow_other: self.allow_other.or(under.allow_other),
            trash_guard: self.trash_guard.or(under.trash_guard),
            trash_days: self.trash_days.or(under.trash_days),
            sidecars: Sidecars { write: self.sidecars.write.or(under.sidecars.write) },
            layout: self.layout.or(under.layout),
        }
    }

    /// The same with every path made absolute.
    pub(super) fn with_paths(mut self, absolute: impl Fn(&Path) -> PathBuf) -> Self {
        for path in self.photos.iter_mut().flatten() {
            *path = absolute(path);
        }
        for path in
            [&mut self.upload, &mut self.data, &mut self.mount, &mut self.models, &mut self.onnxruntime]
        {
            *path = path.take().map(|path| absolute(&path));
        }
        self
    }
}

fn word<T>(
    environment: Environment<'_>,
    name: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>> {
    let Some(value) = environment(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    parse(&value.to_string_lossy())
        .map(Some)
        .map_err(|problem| Exit::Usage.because(format!("the variable {name}: {problem}")))
}

fn choice<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, true).map_err(|_| {
        let words: Vec<String> = T::value_variants()
            .iter()
            .filter_map(ValueEnum::to_possible_value)
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        format!("`{text}` is not {}", words.join(" or "))
    })
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(format!("`{text}` is not `true` or `false`")),
    }
}
