//! The libraries out of wheels, into a folder that appears whole or not at all.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{Pulled, RuntimePullError};
use crate::provider::Provider;

/// All libraries of a runtime together: CUDA's take 3 GB.
const MAX_CONTENT: u64 = 12 << 30;
/// A wheel of OpenVINO has 500 files.
const MAX_FILES: usize = 100_000;

/// Why a file is no wheel with ONNX Runtime in it.
#[derive(Debug, Error)]
pub enum WheelError {
    /// It is no zip, or damaged.
    #[error("{}: no wheel: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It holds more than any runtime.
    #[error("{}: it unpacks to more than a runtime can be", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// ONNX Runtime is not in it.
    #[error("{}: ONNX Runtime's library is not in it", path.display())]
    NoRuntime {
        /// The first of the wheels.
        path: PathBuf,
    },
}

/// Unpacks the libraries of `wheels` into a new folder beneath `root`, then makes `root/lib` lead there.
pub(super) fn install(
    wheels: &[PathBuf],
    provider: Provider,
    root: &Path,
) -> Result<Pulled, RuntimePullError> {
    let disk = |path: &Path| {
        let path = path.to_owned();
        move |source| RuntimePullError::Disk { path, source }
    };
    std::fs::create_dir_all(root).map_err(disk(root))?;
    let staging = tempfile::Builder::new().prefix(".unpacking-").tempdir_in(root).map_err(disk(root))?;
    let mut budget = MAX_CONTENT;
    for wheel in wheels {
        unpack(wheel, staging.path(), &mut budget)?;
    }
    let runtime = library(staging.path())
        .ok_or_else(|| WheelError::NoRuntime { path: wheels.first().cloned().unwrap_or_default() })?;
    let version =
        runtime.strip_prefix("libonnxruntime.so.").filter(|rest| !rest.is_empty()).unwrap_or("unknown");
    let name = format!("{provider}-{version}");
    let folder = root.join(&name);
    sync(staging.path()).map_err(disk(staging.path()))?;
    // The same version again: the old folder steps aside, so that the name is never half a folder.
    let old = root.join(format!(".old-{name}"));
    if folder.exists() {
        let _ = std::fs::remove_dir_all(&old);
        std::fs::rename(&folder, &old).map_err(disk(&folder))?;
    }
    std::fs::rename(staging.keep(), &folder).map_err(disk(&folder))?;
    let _ = std::fs::remove_dir_all(&old);
    // A link is replaced in one step by renaming another over it.
    let (link, new) = (root.join("lib"), root.join(".lib-new"));
    let _ = std::fs::remove_file(&new);
    std::os::unix::fs::symlink(&name, &new).map_err(disk(&new))?;
    std::fs::rename(&new, &link).map_err(disk(&link))?;
    File::open(root).and_then(|root| root.sync_all()).map_err(disk(root))?;
    Ok(Pulled { library: folder.join(runtime), folder })
}

/// The file name of ONNX Runtime's library in a folder.
fn library(folder: &Path) -> Option<String> {
    std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .find(|name| name.starts_with("libonnxruntime.so"))
}

fn unpack(wheel: &Path, into: &Path, budget: &mut u64) -> Result<(), RuntimePullError> {
    let disk = |path: &Path| {
        let path = path.to_owned();
        move |source| RuntimePullError::Disk { path, source }
    };
    let damaged = |reason: String| WheelError::Damaged { path: wheel.to_owned(), reason };
    let file = File::open(wheel).map_err(disk(wheel))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| damaged(error.to_string()))?;
    if archive.len() > MAX_FILES {
        return Err(damaged(format!("{} files", archive.len())).into());
    }
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(|error| damaged(error.to_string()))?;
        let name = entry.name().map_err(|error| damaged(error.to_string()))?.into_owned();
        let Some(place) = place(&name) else { continue };
        let path = into.join(place);
        let folder = path.parent().unwrap_or(into);
        std::fs::create_dir_all(folder).map_err(disk(folder))?;
        let mut out = File::create(&path).map_err(disk(&path))?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = match entry.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                // The end of each entry is where the zip's own checksum is compared.
                Err(error) => return Err(damaged(format!("{name}: {error}")).into()),
            };
            *budget = budget
                .checked_sub(read as u64)
                .ok_or_else(|| WheelError::TooLarge { path: wheel.to_owned() })?;
            out.write_all(&buffer[..read]).map_err(disk(&path))?;
        }
    }
    Ok(())
}

/// Where an entry goes, if it is wanted: the libraries of `onnxruntime/capi` side by side, those of NVIDIA's packages in
/// `nvidia/NAME/lib` as they lay. Python's own modules are not wanted.
fn place(name: &str) -> Option<PathBuf> {
    let plain = |part: &&str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte))
    };
    let parts: Vec<&str> = name.split('/').collect();
    if !parts.iter().all(plain) {
        return None;
    }
    match parts.as_slice() {
        ["onnxruntime", "capi", file] if file.contains(".so") && !file.contains("pybind11") => {
            Some(PathBuf::from(file))
        }
        ["nvidia", package, "lib", file] if file.contains(".so") => {
            Some(PathBuf::from_iter(["nvidia", package, "lib", file]))
        }
        _ => None,
    }
}

/// Everything of a folder to the disk.
fn sync(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { sync(&path)? } else { File::open(&path)?.sync_all()? }
    }
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheel(folder: &Path, entries: &[(&str, &[u8])]) -> PathBuf {
        let path = folder.join("some.whl");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        for (name, content) in entries {
            // Stored, so that a test can damage what it finds again.
            let stored =
                zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            zip.start_file(*name, stored).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    #[test]
    fn libraries_lie_side_by_side_and_a_link_leads_there() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let entries: [(&str, &[u8]); 6] = [
            ("onnxruntime/capi/libonnxruntime.so.1.30.0", b"runtime"),
            ("onnxruntime/capi/libonnxruntime_providers_shared.so", b"shared"),
            ("onnxruntime/capi/onnxruntime_pybind11_state.cpython-312.so", b"python"),
            ("onnxruntime/capi/../../../evil.so", b"evil"),
            ("nvidia/cudnn/lib/libcudnn.so.9", b"cudnn"),
            ("onnxruntime/__init__.py", b"python"),
        ];
        let pulled = install(&[wheel(folder.path(), &entries)], Provider::Cpu, &root).unwrap();
        assert_eq!(pulled.folder, root.join("cpu-1.30.0"));
        assert_eq!(std::fs::read(root.join("lib/libonnxruntime.so.1.30.0")).unwrap(), b"runtime");
        assert_eq!(std::fs::read(root.join("lib/nvidia/cudnn/lib/libcudnn.so.9")).unwrap(), b"cudnn");
        assert_eq!(std::fs::read_dir(&pulled.folder).unwrap().count(), 3);
        // Again, and another: the link follows, and nothing is left over.
        install(&[wheel(folder.path(), &entries)], Provider::Cpu, &root).unwrap();
        let newer: [(&str, &[u8]); 1] = [("onnxruntime/capi/libonnxruntime.so.1.31.0", b"newer")];
        install(&[wheel(folder.path(), &newer)], Provider::Cpu, &root).unwrap();
        assert_eq!(std::fs::read(root.join("lib/libonnxruntime.so.1.31.0")).unwrap(), b"newer");
        let mut left: Vec<_> =
            std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["cpu-1.30.0", "cpu-1.31.0", "lib"]);
    }

    #[test]
    fn what_is_no_runtime_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let good: [(&str, &[u8]); 1] = [("onnxruntime/capi/libonnxruntime.so.1.30.0", b"CONTENT")];
        let path = wheel(folder.path(), &good);
        install(std::slice::from_ref(&path), Provider::Cpu, &root).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.windows(7).position(|window| window == b"CONTENT").unwrap();
        bytes[middle] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(
            install(std::slice::from_ref(&path), Provider::Cpu, &root),
            Err(RuntimePullError::Wheel(WheelError::Damaged { .. }))
        ));
        std::fs::write(&path, b"not found").unwrap();
        assert!(install(std::slice::from_ref(&path), Provider::Cpu, &root).is_err());
        let other: [(&str, &[u8]); 1] = [("other/__init__.py", b"")];
        let path = wheel(folder.path(), &other);
        assert!(matches!(
            install(&[path], Provider::Cpu, &root),
            Err(RuntimePullError::Wheel(WheelError::NoRuntime { .. }))
        ));
        assert_eq!(std::fs::read(root.join("lib/libonnxruntime.so.1.30.0")).unwrap(), b"CONTENT");
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 2);
    }
}
