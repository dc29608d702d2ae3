//! Loading the library: for a look in the child, for good in the program.

use std::ffi::{CStr, c_char, c_void};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::nvidia;
use super::search::Found;
use super::version::Version;

/// ONNX Runtime in this process. There is one, and it stays.
#[derive(Clone)]
pub struct Runtime {
    environment: ort::environment::Environment,
    path: PathBuf,
    version: Version,
}

static LOADED: OnceLock<Result<Runtime, LoadError>> = OnceLock::new();

/// Why a runtime that passed its check was not loaded.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    /// The library does not load.
    #[error("{}: {reason}", path.display())]
    Refused {
        /// The library.
        path: PathBuf,
        /// What it says.
        reason: String,
    },
    /// A process can load one runtime.
    #[error("{} is loaded already: {} needs a restart", loaded.display(), wanted.display())]
    Another {
        /// What is loaded.
        loaded: PathBuf,
        /// What was asked for.
        wanted: PathBuf,
    },
}

impl Runtime {
    /// Loads what was found, with `threads` threads for all models together (0: one a core). Later calls give the
    /// runtime that is there, whatever number of threads they ask for.
    pub fn load(found: &Found, threads: usize) -> Result<Self, LoadError> {
        let loaded = LOADED
            .get_or_init(|| {
                open(&found.path, threads)
                    .map(|environment| Self { environment, path: found.path.clone(), version: found.version })
                    .map_err(|reason| LoadError::Refused { path: found.path.clone(), reason })
            })
            .clone()?;
        if loaded.path != found.path {
            return Err(LoadError::Another { loaded: loaded.path, wanted: found.path.clone() });
        }
        Ok(loaded)
    }

    /// The library.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says it is.
    pub fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn environment(&self) -> &ort::environment::Environment {
        &self.environment
    }
}

/// Loads the library and makes the process's environment: one pool of threads for all sessions, which sleep when there
/// is nothing to do.
pub(super) fn open(library: &Path, threads: usize) -> Result<ort::environment::Environment, String> {
    nvidia::preload(library);
    // A relative path would be looked for beside the program.
    let library = std::path::absolute(library).map_err(|error| error.to_string())?;
    let environment = ort::init_from(&library).map_err(|error| error.to_string())?;
    let build = || -> ort::Result<_> {
        let pool = ort::environment::GlobalThreadPoolOptions::default();
        let environment = environment
            .with_name("galleryfs")
            .with_telemetry(false)
            .with_global_thread_pool(
                pool.with_intra_threads(threads)?.with_inter_threads(1)?.with_spin_control(false)?,
            )
            .build()?;
        // What it says of every node of every graph costs time, and nobody reads it.
        environment.set_log_level(ort::logging::LogLevel::Warning);
        Ok(environment)
    };
    build().map_err(|error| error.message().to_owned())
}

/// The first two entries of ONNX Runtime's `OrtApiBase`, which have been the same in every version.
#[repr(C)]
struct ApiBase {
    get_api: unsafe extern "C" fn(u32) -> *const c_void,
    get_version_string: unsafe extern "C" fn() -> *const c_char,
}

/// What version the library says it is, and that it has the interface the binding will ask for. Runs in the child:
/// loading a library runs its code.
pub(super) fn check(library: &Path) -> Result<Version, String> {
    let library = std::path::absolute(library).map_err(|error| error.to_string())?;
    // SAFETY: a library's initialisers may do anything, which is why this runs in a child process that is thrown away.
    #[allow(unsafe_code)]
    let loaded = unsafe { libloading::Library::new(&library) }.map_err(|error| error.to_string())?;
    // SAFETY: the symbol of this name is a function without arguments in every ONNX Runtime; a library that gives the
    // name to something else crashes the child, and that is its answer.
    #[allow(unsafe_code)]
    let (version, speaks) = unsafe {
        let get_base: libloading::Symbol<'_, unsafe extern "C" fn() -> *const ApiBase> = loaded
            .get(b"OrtGetApiBase\0")
            .map_err(|_| "it is no ONNX Runtime: it has no OrtGetApiBase".to_owned())?;
        let base = get_base();
        if base.is_null() {
            return Err("its OrtGetApiBase gives nothing".to_owned());
        }
        let version = ((*base).get_version_string)();
        if version.is_null() {
            return Err("it does not tell its version".to_owned());
        }
        let version = CStr::from_ptr(version).to_string_lossy().into_owned();
        (version, !((*base).get_api)(ort::MINOR_VERSION).is_null())
    };
    let version: Version = version.parse().map_err(|error: super::version::BadVersion| error.to_string())?;
    if version.will_do() && !speaks {
        return Err(format!("version {version} does not speak the interface of {}", Version::OLDEST));
    }
    // It stays loaded until the child ends: unloading is where some of them crash.
    std::mem::forget(loaded);
    Ok(version)
}
