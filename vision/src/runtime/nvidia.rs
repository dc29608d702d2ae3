//! CUDA's own libraries, where Python packages put them.
//!
//! ONNX Runtime's CUDA provider needs a dozen libraries of NVIDIA's (cuBLAS, cuDNN, ...). Packages put them into
//! `nvidia/*/lib` beside their other files, where no linker looks; loaded beforehand by their full path, they are found.

use std::path::{Path, PathBuf};

/// Whether NVIDIA's driver runs on this machine.
pub fn has_driver() -> bool {
    Path::new("/proc/driver/nvidia/version").exists()
}

/// Loads what lies in `nvidia/*/lib` beside `library` (as `runtime pull cuda` lays it) or beside the Python package it
/// belongs to, if it comes with a CUDA provider. What does not load is left: the provider's proof will tell.
pub(super) fn preload(library: &Path) {
    let Some(folder) =
        library.parent().filter(|folder| folder.join("libonnxruntime_providers_cuda.so").exists())
    else {
        return;
    };
    let mut waiting = libraries(folder);
    // They need one another: what did not load may do so once others have. Four rounds are more than enough.
    for _ in 0..4 {
        let before = waiting.len();
        waiting.retain(|path| ort::util::preload_dylib(path).is_err());
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
    }
    for path in waiting {
        tracing::debug!(path = %path.display(), "a CUDA library did not load");
    }
}

/// The libraries in `nvidia/*/lib` beside a folder of libraries, or beside `onnxruntime/capi`.
pub(super) fn libraries(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for base in [folder.join("nvidia"), folder.join("../../nvidia")] {
        for package in entries(&base) {
            for path in entries(&package.join("lib")) {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if name.starts_with("lib") && name.contains(".so") {
                    found.push(path);
                }
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_of_packages_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in
            ["nvidia/cublas/lib/libcublas.so.12", "nvidia/cudnn/lib/libcudnn.so.9", "nvidia/cudnn/lib/x.txt"]
        {
            std::fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            std::fs::write(at(path), b"").unwrap();
        }
        std::fs::create_dir_all(at("onnxruntime/capi")).unwrap();
        assert_eq!(libraries(folder.path()).len(), 2);
        assert_eq!(libraries(&at("onnxruntime/capi")).len(), 2);
    }
}
