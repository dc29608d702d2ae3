//! What a decoder may still do: compute, and read what it is given.
//!
//! In order: it dies with the daemon, comes last at the processor, has so much address space and no core dumps, gains no
//! privileges by running a program, writes to no file (Landlock, where the kernel has it), and has no network and none
//! of the kernel's rarer doors (seccomp). The programs it runs ([`crate::program`]) inherit all of it, and on top of it may read
//! only the system's programs and libraries and the one file.
//!
//! A filter that names what is forbidden is weaker than one that names what is allowed; it is used because ffmpeg, of any
//! version and linked with anything, runs under it too. No `socket` means no network: a decoder is given no other.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, PathBeneath, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, Signal, nice, set_parent_process_death_signal, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// The variable in which a decoder is told its limit of address space, in bytes.
pub(super) const MEMORY_VARIABLE: &str = "GALLERYFS_DECODER_MEMORY";

/// How far behind others a decoder comes at the processor.
const NICE: i32 = 10;

/// The largest file a decoder may write: the shared memory of its answer.
const LARGEST_WRITTEN: u64 = 1 << 30;

/// Descriptors a decoder and ffmpeg may have open.
const MOST_DESCRIPTORS: u64 = 128;

/// The newest rules of Landlock that are asked for; older kernels apply those they know.
const LANDLOCK: ABI = ABI::V5;

/// Where programs and their libraries are: on usual distributions, on NixOS, on Guix.
const SYSTEM: [&str; 9] = ["/usr", "/lib", "/lib64", "/bin", "/etc", "/opt", "/nix", "/gnu", "/dev/null"];

/// Confines this process, from here on and for good.
pub(super) fn confine() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    nice(NICE)?;
    if let Some(memory) = std::env::var(MEMORY_VARIABLE).ok().and_then(|bytes| bytes.parse().ok()) {
        limit(Resource::As, memory)?;
    }
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, LARGEST_WRITTEN)?;
    limit(Resource::Nofile, MOST_DESCRIPTORS)?;
    rustix::thread::set_no_new_privs(true)?;
    let ruleset = ruleset()
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(["/"], AccessFs::from_read(LANDLOCK))))
        .map_err(io::Error::other)?;
    ruleset.restrict_self().map_err(io::Error::other)?;
    seccompiler::apply_filter(&filter().map_err(io::Error::other)?).map_err(io::Error::other)
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    // What is stricter already stays so.
    let most = rustix::process::getrlimit(resource).maximum.map_or(most, |given| given.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// Everything on files that Landlock knows, and TCP, is forbidden but for what is added.
fn ruleset() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .create()
}

/// Calls that answer "not permitted".
fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let forbidden = [
        // The network; io_uring can open sockets without these. A pair of sockets leads nowhere, and processes are
        // started with one.
        libc::SYS_socket,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        // Other processes.
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_kcmp,
        // Doors of the kernel that exploits have come through, and that no decoder needs.
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_open_by_handle_at,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_kexec_load,
        libc::SYS_personality,
        libc::SYS_syslog,
        libc::SYS_quotactl,
        libc::SYS_swapon,
        libc::SYS_reboot,
    ];
    let rules: BTreeMap<i64, Vec<seccompiler::SeccompRule>> =
        forbidden.into_iter().map(|call| (call, Vec::new())).collect();
    let denied = SeccompAction::Errno(libc::EPERM as u32);
    let architecture = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::Allow, denied, architecture)?.try_into()
}

/// What a program that a decoder runs may do within the decoder's own limits: read its libraries and this file.
pub(crate) struct Room(RulesetCreated);

impl Room {
    /// Room for a program and the file that it reads.
    pub(crate) fn new(program: &Path, file: &File) -> io::Result<Self> {
        let read = AccessFs::from_read(LANDLOCK);
        let beside = program.canonicalize().ok().and_then(|real| real.parent().map(Path::to_owned));
        // What `/proc/self/fd/0` leads to is held against these rules as if it were opened by its name.
        let folders = SYSTEM.iter().map(Path::new).chain(beside.as_deref());
        let ruleset = ruleset()
            .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(folders, read)))
            .and_then(|ruleset| ruleset.add_rule(PathBeneath::new(file.as_fd(), AccessFs::ReadFile)));
        Ok(Self(ruleset.map_err(io::Error::other)?))
    }
}

/// A child of a decoder that dies with it and stays within its room.
pub(crate) trait Limited {
    /// Sets this up for when the child starts: so many seconds of processor time, and the room.
    fn limited(&mut self, seconds: u64, room: Room) -> &mut Self;
}

impl Limited for Command {
    fn limited(&mut self, seconds: u64, room: Room) -> &mut Self {
        let mut room = Some(room);
        let prepare = move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds) })?;
            if let Some(Room(ruleset)) = room.take() {
                ruleset.restrict_self().map_err(|_| io::Error::from(io::ErrorKind::PermissionDenied))?;
            }
            Ok(())
        };
        // SAFETY: between fork and exec only async-signal-safe work is allowed where other threads may hold locks. These
        // are system calls; a decoder has one thread, and in tests an error, the only thing that allocates, is not met.
        #[allow(unsafe_code)]
        unsafe {
            self.pre_exec(prepare)
        }
    }
}
