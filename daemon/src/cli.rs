//! The command line: what can be typed. Each command is carried out in the file of its name.

mod completions;
mod config;
mod doctor;
mod download;
mod duplicates;
mod fetching;
mod forget;
mod index;
mod list;
mod log;
mod models;
mod offer;
mod people;
mod rebuild;
mod runtime;
mod search;
mod settings;
mod show;
mod status;
mod sync;
mod trash;
mod undo;
mod unmount;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::exit::{self, Exit};
use crate::{memory, terminal};

pub use self::settings::{Base, ModelFlags, MountFlags, PhotoFlags};

/// Your photos as a file system.
///
/// galleryfs watches folders of photos and videos, reads what each file says about itself, and mounts the result: by
/// date, by place, by camera, by tag, and any search as a folder. No file of yours is altered.
#[derive(Parser, Debug)]
#[command(
    name = "galleryfs",
    version,
    max_term_width = 110,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_long_help = MORE
)]
pub struct Cli {
    #[command(flatten)]
    base: Base,
    #[command(subcommand)]
    command: Command,
}

const MORE: &str = "\
Examples:
  galleryfs up --photos ~/Pictures --mount ~/Gallery     index, mount, and keep it true
  ls ~/Gallery/by-date/2024                              look at it
  galleryfs search 'beach date:2024 camera:canon'        search from anywhere
  galleryfs config --write --photos ~/Pictures           write a configuration file
  galleryfs doctor                                       what does this machine lack?

Settings come from flags, then variables (GALLERYFS_PHOTOS, GALLERYFS_MOUNT, ...), then the
configuration file, then defaults.

Exit codes:
  0 done   1 it did not work   2 wrong usage or configuration   3 not in the library
  4 another galleryfs has the library   5 the library is fine but could not be mounted";

#[derive(Subcommand, Debug)]
enum Command {
    /// Index, mount and watch, until stopped: the daemon
    Up(up::Args),
    /// Index everything to the end, then exit
    Index(index::Args),
    /// Find photos and videos
    Search(search::Args),
    /// Tell all that is known of one photo or video
    Show(show::Args),
    /// List every photo and video
    List(list::Args),
    /// Tell who is in the photos; name people, merge and split them
    People(people::Args),
    /// Find photos that are nearly the same picture
    Duplicates(duplicates::Args),
    /// Tell how the library is: counts, what is being done, what could not be read
    Status(status::Args),
    /// List, fetch, check and choose the models that understand pictures and know faces
    Models(models::Args),
    /// Fetch ONNX Runtime, which computes with the models, or tell which one is used
    Runtime(runtime::Args),
    /// Look for what this machine lacks, and say how to mend it
    Doctor(doctor::Args),
    /// Throw away everything that can be worked out again, and work it out again
    Rebuild(rebuild::Args),
    /// Accept that what is away or missing will not come back
    Forget(forget::Args),
    /// Take back what was done last
    Undo(undo::Args),
    /// Say that many deletions at once are meant
    Trash(trash::Args),
    /// Wait until everything decided so far is on the disk
    Sync(sync::Args),
    /// Unmount and end the daemon, or clear a mount that a crash left behind
    Unmount(unmount::Args),
    /// Show the journal: everything that was decided
    Log(log::Args),
    /// Print or write a configuration file that explains itself
    Config(config::Args),
    /// Print completions for a shell
    Completions(completions::Args),
}

/// Reads the command line, carries it out, and says what went wrong.
pub fn main() -> ExitCode {
    // Children of ours, which do one thing and know nothing of settings, logs or libraries.
    match std::env::args_os().nth(1) {
        Some(word) if word == "decoder" => return media::decoder::serve(),
        Some(word) if word == "runtime-probe" => return vision::runtime::probe_main(),
        _ => {}
    }
    memory::share_heaps();
    let cli = Cli::parse();
    let outcome = run(cli);
    match outcome {
        Ok(exit) => ExitCode::from(exit as u8),
        // `| head` has seen enough.
        Err(error) if exit::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(&error);
            ExitCode::from(Exit::of(&error) as u8)
        }
    }
}

fn run(cli: Cli) -> Result<Exit> {
    let base = cli.base;
    let works_long = matches!(cli.command, Command::Up(_) | Command::Index(_) | Command::Rebuild(_));
    terminal::start_log(if works_long { "info" } else { "warn" }, base.verbose);
    match cli.command {
        Command::Up(args) => up::run(args, &base),
        Command::Index(args) => index::run(args, &base),
        Command::Search(args) => search::run(&args, &base),
        Command::Show(args) => show::run(&args, &base),
        Command::List(args) => list::run(&args, &base),
        Command::Duplicates(args) => duplicates::run(&args, &base),
        Command::People(args) => people::run(args, &base),
        Command::Models(args) => models::run(args, &base),
        Command::Runtime(args) => runtime::run(args, &base),
        Command::Status(args) => status::run(&args, &base),
        Command::Doctor(args) => doctor::run(args, &base),
        Command::Rebuild(args) => rebuild::run(args, &base),
        Command::Forget(args) => forget::run(&args, &base),
        Command::Undo(args) => undo::run(&args, &base),
        Command::Trash(args) => trash::run(&args, &base),
        Command::Sync(args) => sync::run(&args, &base),
        Command::Unmount(args) => unmount::run(args, &base),
        Command::Log(args) => log::run(&args, &base),
        Command::Config(args) => config::run(args, &base),
        Command::Completions(args) => completions::run(&args),
    }
}

/// An absolute path for what was typed, without touching the disk beyond the current folder.
fn absolute(path: &std::path::Path) -> Result<PathBuf> {
    Ok(std::path::absolute(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
