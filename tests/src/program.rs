//! Where the program under test is.

use std::path::PathBuf;

/// `galleryfs` as cargo built it: two folders above the test that is running, unless `GALLERYFS_PROGRAM` says where.
#[track_caller]
pub(crate) fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("GALLERYFS_PROGRAM") {
        return path.into();
    }
    let test = std::env::current_exe().expect("this test has a path");
    let folder = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    let path = folder.join("galleryfs");
    assert!(path.is_file(), "{} is not built: run `make test`, or `cargo build` first", path.display());
    path
}
