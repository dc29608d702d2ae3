//! The data folder itself: whose it is, and who may look into it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that cannot go on fails

use std::os::unix::fs::PermissionsExt as _;

use library::{Library, LibraryError};

#[test]
fn a_folder_that_was_there_before_is_made_private() {
    let data = tempfile::tempdir().unwrap();
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let _library = Library::open(data.path()).unwrap();
    assert_eq!(data.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_folder_of_another_user_is_refused_and_left_as_it_is() {
    let data = tempfile::tempdir().unwrap();
    // Only root may give a folder away.
    if std::os::unix::fs::chown(data.path(), Some(65534), None).is_err() {
        return;
    }
    let refused = Library::open(data.path());
    assert!(matches!(refused, Err(LibraryError::Foreign { owner: 65534, .. })));
    assert!(data.path().read_dir().unwrap().next().is_none());
}
