//! What kind of file system a folder lies on, as far as watching is concerned.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// What can be relied on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileSystem {
    /// Its name, for people: `nfs`, `fuse.sshfs`; `local` for all that need no name.
    pub name: String,
    /// Others may change it without this kernel hearing of it, so it is scanned.
    pub is_remote: bool,
    /// Inode numbers stay with their files, from mount to mount and through renames.
    pub keeps_inodes: bool,
    /// It is one of our own mounts, which must never be looked at.
    pub is_ours: bool,
}

/// `statfs` magic numbers: name, remote, stable inode numbers. All others are local and stable.
const KINDS: &[(u32, &str, bool, bool)] = &[
    (0x6969, "nfs", true, true),
    (0x517b, "smb", true, false),
    (0xff53_4d42, "cifs", true, false),
    (0xfe53_4d42, "smb2", true, false),
    (0x0102_1997, "9p", true, false),
    (0x00c3_6400, "ceph", true, true),
    (0x5346_414f, "afs", true, false),
    (0x6b41_4653, "afs", true, false),
    (0x7375_7245, "coda", true, false),
    (0x564c, "ncp", true, false),
    (0x0bd0_0bd0, "lustre", true, true),
    (0x0116_1970, "gfs2", true, true),
    (0x7461_636f, "ocfs2", true, true),
    (0x786f_4256, "vboxsf", true, false),
    (0xbacb_acbc, "vmhgfs", true, false),
    (0x4d44, "vfat", false, false),
    (0x2011_bab0, "exfat", false, false),
    (0x5346_544e, "ntfs", false, false),
    (0x7366_746e, "ntfs3", false, false),
];

/// FUSE says only that it is FUSE; the mount table says which.
const FUSE: u32 = 0x6573_5546;

impl FileSystem {
    /// A disk of this machine with ordinary inodes.
    pub fn local() -> Self {
        Self { name: "local".into(), is_remote: false, keeps_inodes: true, is_ours: false }
    }

    /// The file system that an open file or folder lies on; `device` is its `st_dev`.
    pub fn of(fd: impl AsFd, device: u64) -> io::Result<Self> {
        let magic = rustix::fs::fstatfs(fd)?.f_type as u32;
        if magic == FUSE {
            return Ok(Self::of_fuse(device));
        }
        Ok(KINDS.iter().find(|kind| kind.0 == magic).map_or_else(Self::local, |kind| Self {
            name: kind.1.into(),
            is_remote: kind.2,
            keeps_inodes: kind.3,
            is_ours: false,
        }))
    }

    fn of_fuse(device: u64) -> Self {
        let name = mounts()
            .into_iter()
            .rfind(|mount| mount.device == device)
            .map_or_else(|| "fuse".into(), |mount| mount.kind);
        // fuseblk is a local disk behind a program (ntfs-3g); nobody else changes it.
        Self { is_remote: name != "fuseblk", keeps_inodes: false, is_ours: name == OURS, name }
    }
}

/// The type of our own mounts.
const OURS: &str = "fuse.galleryfs";

/// One line of the mount table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mount {
    /// Its device.
    pub device: u64,
    /// Where it is mounted.
    pub path: PathBuf,
    /// Its type.
    pub kind: String,
}

impl Mount {
    /// Whether it is one of ours.
    pub fn is_ours(&self) -> bool {
        self.kind == OURS
    }
}

/// The mount table; empty where `/proc` is not there.
pub fn mounts() -> Vec<Mount> {
    std::fs::read("/proc/self/mountinfo").map(|table| parse(&table)).unwrap_or_default()
}

/// The mounts below a folder.
pub fn mounts_below(folder: &Path) -> Vec<Mount> {
    mounts().into_iter().filter(|mount| mount.path.starts_with(folder) && mount.path != folder).collect()
}

fn parse(table: &[u8]) -> Vec<Mount> {
    table.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let device = std::str::from_utf8(fields.nth(2)?).ok()?;
    let (major, minor) = device.split_once(':')?;
    let device = rustix::fs::makedev(major.parse().ok()?, minor.parse().ok()?);
    let path = PathBuf::from(std::ffi::OsString::from_vec(unescape(fields.nth(1)?)));
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    Some(Mount { device, path, kind: String::from_utf8_lossy(kind).into_owned() })
}

/// Blanks and the like stand as `\040` in the table.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut at = 0;
    while let Some(byte) = field.get(at) {
        let octal = (*byte == b'\\')
            .then(|| field.get(at + 1..at + 4))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        out.push(octal.unwrap_or(*byte));
        at += if octal.is_some() { 4 } else { 1 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_mount_table() {
        let table =
            b"36 35 0:98 / /mnt/my\\040photos rw,noatime shared:1 - fuse.galleryfs gallery rw\nrubbish\n";
        let mounts = parse(table);
        assert_eq!(mounts.len(), 1);
        assert_eq!(mounts[0].path, Path::new("/mnt/my photos"));
        assert_eq!(mounts[0].device, 98);
        assert!(mounts[0].is_ours());
    }

    #[test]
    fn the_temporary_folder_is_local() {
        let dir = tempfile::tempdir().unwrap();
        let fd = std::fs::File::open(dir.path()).unwrap();
        assert!(!FileSystem::of(&fd, 0).unwrap().is_remote);
    }
}
