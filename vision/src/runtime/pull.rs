//! `galleryfs runtime pull cpu|openvino|cuda`: ONNX Runtime out of its Python packages, without Python.
//!
//! The packages are the only builds of ONNX Runtime that come for every provider, from a place nearly every machine
//! reaches: the index that pip is configured with ([`pip`]). Which versions, and their checksums, are written down here
//! ([`pinned`]): an index can withhold a file, not change it. A wheel is a zip; its libraries go into a folder of their
//! own version, and a link `lib` names the one in use ([`wheel`]).

pub mod index;
pub mod pinned;
pub mod pip;
mod wheel;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use index::IndexError;
pub use pinned::Wheel;
pub use pip::PipSettings;
pub use wheel::WheelError;

use crate::download::{Checksum, Client, DownloadError, OnProgress, Progress, Wanted};
use crate::provider::Provider;

/// Where the wheel comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The package index, as pip would ask it.
    Index(PipSettings),
    /// An address of a wheel; with its SHA-256, or the pinned one if it is a pinned wheel.
    Url(String, Option<Checksum>),
    /// A wheel that is here already.
    File(PathBuf),
}

/// A runtime that was pulled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pulled {
    /// The folder the libraries lie in; `lib` beside it leads there.
    pub folder: PathBuf,
    /// ONNX Runtime's own library.
    pub library: PathBuf,
}

/// Why no runtime was pulled. What was there before still is.
#[derive(Debug, Error)]
pub enum RuntimePullError {
    /// No wheel of this kind exists for this processor.
    #[error("there is no {provider} runtime for this kind of processor")]
    NoWheel {
        /// What was asked for.
        provider: Provider,
    },
    /// The index has it not.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// It does not come.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// It is no wheel with ONNX Runtime in it.
    #[error(transparent)]
    Wheel(#[from] WheelError),
    /// It cannot be put into its place.
    #[error("{}: {source}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A wheel's libraries may take gigabytes (cuDNN alone does), never more than this.
const MAX_WHEEL: u64 = 4 << 30;

/// Pulls the runtime for `provider` into a folder of its own beneath `root` and makes `root/lib` lead there. `progress`
/// is told of each file by name.
pub fn pull(
    provider: Provider,
    source: &Source,
    root: &Path,
    progress: &mut dyn FnMut(&str, Progress) -> ControlFlow<()>,
) -> Result<Pulled, RuntimePullError> {
    let disk = |path: &Path| {
        let path = path.to_owned();
        move |source| RuntimePullError::Disk { path, source }
    };
    let cache = root.join("wheels");
    std::fs::create_dir_all(&cache).map_err(disk(&cache))?;
    let mut wheels = Vec::new();
    match source {
        Source::File(path) => wheels.push(path.clone()),
        Source::Url(url, checksum) => {
            let name =
                url.split(['?', '#']).next().and_then(|url| url.rsplit('/').next()).unwrap_or("wheel.whl");
            let name: String =
                name.chars().filter(|char| char.is_ascii_alphanumeric() || "._-".contains(*char)).collect();
            let checksum = checksum.or_else(|| pinned::by_name(&name).map(Wheel::checksum));
            let path = cache.join(format!("given-{name}"));
            let wanted = Wanted { url: url.clone(), length: None, limit: MAX_WHEEL, checksum };
            fetch(&Client::new(), &wanted, &path, &mut |done| progress(&name, done))?;
            wheels.push(path);
        }
        Source::Index(settings) => {
            let client = settings.client();
            for wheel in pinned::wheels(provider).ok_or(RuntimePullError::NoWheel { provider })? {
                let path = cache.join(wheel.file);
                if !path.is_file() || !wheel.checksum().fits(&path).map_err(disk(&path))? {
                    let url = index::find(&client, settings, wheel)?;
                    let wanted = Wanted {
                        url,
                        length: Some(wheel.bytes),
                        limit: MAX_WHEEL,
                        checksum: Some(wheel.checksum()),
                    };
                    fetch(&client, &wanted, &path, &mut |done| progress(wheel.file, done))?;
                }
                wheels.push(path);
            }
        }
    }
    let pulled = wheel::install(&wheels, provider, root)?;
    if !matches!(source, Source::File(_)) {
        // They have served: what they held is there twice.
        for path in wheels {
            let _ = std::fs::remove_file(path);
        }
    }
    Ok(pulled)
}

/// Fetches into `path` by way of a file beside it, so that what bears the name is whole.
fn fetch(
    client: &Client,
    wanted: &Wanted,
    path: &Path,
    progress: OnProgress<'_>,
) -> Result<(), RuntimePullError> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    client.fetch(wanted, &part, progress)?;
    std::fs::rename(&part, path).map_err(|source| RuntimePullError::Disk { path: path.to_owned(), source })
}
