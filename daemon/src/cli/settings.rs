//! The flags that several commands share.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use vision::provider::WantedProvider;

use crate::config::{Layer, Listen, OnBattery, OnOff, Passthrough, ServerUrl, Settings, Sidecars, Xattrs};
use crate::importing::Layout;

/// Flags of every command.
#[derive(Args, Clone, Debug)]
pub struct Base {
    /// The data folder: what galleryfs keeps for itself [default: galleryfs in XDG_DATA_HOME or ~/.local/share]
    #[arg(long, value_name = "DIR", global = true, help_heading = "Common options")]
    data: Option<PathBuf>,
    /// The configuration file [default: galleryfs/config.toml in XDG_CONFIG_HOME or ~/.config]
    #[arg(long, value_name = "FILE", global = true, help_heading = "Common options")]
    config: Option<PathBuf>,
    /// Say more on stderr; twice for still more
    #[arg(short, long, action = clap::ArgAction::Count, global = true, help_heading = "Common options")]
    pub(super) verbose: u8,
}

/// Which photos.
#[derive(Args, Clone, Debug, Default)]
pub struct PhotoFlags {
    /// A folder of photos and videos, with all below it; may be given several times [default: those it had last time]
    #[arg(long, value_name = "DIR")]
    photos: Vec<PathBuf>,
    /// Where new files will go; watched like a photo folder [default: the first writable photo folder]
    #[arg(long, value_name = "DIR")]
    upload: Option<PathBuf>,
    /// Where in that folder a new file goes [default: YYYY/YYYY-MM-DD/NAME]
    #[arg(long, value_name = "TEMPLATE")]
    layout: Option<Layout>,
}

/// How it is mounted.
#[derive(Args, Clone, Debug, Default)]
pub struct MountFlags {
    /// Where to mount the gallery; made if it is not there, and removed again at the end if galleryfs made it
    #[arg(long, value_name = "DIR")]
    mount: Option<PathBuf>,
    /// Extended attributes of the files in the mount; `off` makes long listings several times faster [default: user]
    #[arg(long, value_name = "user|off", hide_possible_values = true)]
    xattrs: Option<Xattrs>,
    /// Whether the parts of a photo (a live photo's video, sidecars) stand beside it [default: on]
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    parts: Option<OnOff>,
    /// Whether the kernel reads originals by itself where it can [default: auto]
    #[arg(long, value_name = "auto|off", hide_possible_values = true)]
    passthrough: Option<Passthrough>,
    /// Let other users of this machine look into the mount
    #[arg(
        long,
        value_name = "YES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    allow_other: Option<bool>,
    /// How many photos may be put into the trash within a minute [default: 500]
    #[arg(long, value_name = "N")]
    trash_guard: Option<usize>,
    /// Remove for good what has been in the trash for more than N days on which galleryfs ran [default: never]
    #[arg(long, value_name = "N")]
    trash_days: Option<u32>,
    /// Write what you decide of photos into XMP sidecars beside them, too
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    write_sidecars: Option<bool>,
    /// Where the web gallery answers. Accepted now, used by the release that has one
    #[arg(long, value_name = "ADDR:PORT|off")]
    listen: Option<Listen>,
}

/// What pictures are looked at with.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Models")]
pub struct ModelFlags {
    /// Where the models lie, laid out as Immich has them [default: models in the data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) models: Option<PathBuf>,
    /// What computes: the fastest that proves itself, or one of them [default: auto]
    #[arg(long, global = true, value_name = "auto|cuda|openvino|cpu")]
    pub(super) provider: Option<WantedProvider>,
    /// The ONNX Runtime to use, libonnxruntime.so [default: whichever is found; `galleryfs doctor` says which]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) onnxruntime: Option<PathBuf>,
    /// Whether photos are looked at while this machine runs on its battery [default: work]
    #[arg(long, global = true, value_name = "work|pause", hide_possible_values = true)]
    pub(super) on_battery: Option<OnBattery>,
    /// Servers that speak Immich's /predict and are asked before anything is computed here; several with commas between
    #[arg(long, global = true, value_name = "URL", value_delimiter = ',')]
    pub(super) servers: Vec<ServerUrl>,
}

impl Base {
    /// The settings of a command that only needs to know where the library is.
    pub fn settings(&self) -> Result<Settings> {
        self.settings_with(PhotoFlags::default(), MountFlags::default(), ModelFlags::default())
    }

    /// The settings of a command with more flags.
    pub fn settings_with(
        &self,
        photos: PhotoFlags,
        mount: MountFlags,
        models: ModelFlags,
    ) -> Result<Settings> {
        let flags = Layer {
            photos: Some(photos.photos).filter(|photos| !photos.is_empty()),
            upload: photos.upload,
            data: self.data.clone(),
            mount: mount.mount,
            models: models.models,
            provider: models.provider,
            onnxruntime: models.onnxruntime,
            on_battery: models.on_battery,
            servers: Some(models.servers).filter(|servers| !servers.is_empty()),
            listen: mount.listen,
            xattrs: mount.xattrs,
            parts: mount.parts,
            passthrough: mount.passthrough,
            allow_other: mount.allow_other,
            trash_guard: mount.trash_guard,
            trash_days: mount.trash_days,
            sidecars: Sidecars { write: mount.write_sidecars },
            layout: photos.layout,
        };
        Settings::resolve(flags, self.config.as_deref(), &|name| std::env::var_os(name))
    }
}
