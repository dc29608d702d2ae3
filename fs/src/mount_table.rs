//! What is mounted where, as the kernel tells it.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Name of the file system in `mount` and `/proc/self/mountinfo`, where it is `fuse.galleryfs`.
pub(crate) const NAME: &str = "galleryfs";

/// The type of the file system mounted on exactly this canonical path, if one is: the uppermost of several.
pub fn mounted_on(path: &Path) -> io::Result<Option<String>> {
    let on_it = mounts()?.into_iter().filter(|(point, _)| point == path);
    Ok(on_it.map(|(_, kind)| kind).next_back())
}

/// The type of the file system that this canonical path lies on. Its disk is not asked, which might not answer.
pub(crate) fn lies_on(path: &Path) -> io::Result<Option<String>> {
    let over_it = mounts()?.into_iter().filter(|(point, _)| path.starts_with(point));
    Ok(over_it.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind))
}

/// Where something is mounted, and its type.
fn mounts() -> io::Result<Vec<(PathBuf, String)>> {
    let table = std::fs::read("/proc/self/mountinfo")?;
    let mount = |line: &[u8]| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let point = unescaped(fields.get(4)?);
        let separator = fields.iter().position(|field| *field == b"-")?;
        let kind = String::from_utf8_lossy(fields.get(separator + 1)?).into_owned();
        Some((point, kind))
    };
    Ok(table.split(|byte| *byte == b'\n').filter_map(mount).collect())
}

/// Whether a type in the mount table is that of a mount of ours, alive or dead.
pub fn is_galleryfs(kind: &str) -> bool {
    kind.strip_prefix("fuse.") == Some(NAME)
}

/// A path as mountinfo writes it: spaces and the like as octal.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut path = Vec::with_capacity(field.len());
    let mut at = 0;
    while at < field.len() {
        let octal = (field[at] == b'\\')
            .then(|| field.get(at + 1..at + 4))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal {
            Some(byte) => {
                path.push(byte);
                at += 4;
            }
            None => {
                path.push(field[at]);
                at += 1;
            }
        }
    }
    OsString::from_vec(path).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mountinfo_is_read_as_it_is_written() {
        assert_eq!(unescaped(br"/mnt/my\040photos\134x"), Path::new(r"/mnt/my photos\x"));
        assert_eq!(unescaped(br"/mnt/odd\"), Path::new(r"/mnt/odd\"));
    }

    #[test]
    fn what_a_path_lies_on_is_what_is_mounted_nearest_above_it() {
        assert_eq!(lies_on(Path::new("/proc/self/fd")).unwrap().as_deref(), Some("proc"));
        assert_ne!(lies_on(Path::new("/process")).unwrap().as_deref(), Some("proc"));
    }
}
