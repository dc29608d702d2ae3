//! `galleryfs config`: a configuration file that explains itself.

use std::io::Write as _;

use anyhow::{Context as _, Result};

use super::{Base, ModelFlags, MountFlags, PhotoFlags};
use crate::config::{Folders, template};
use crate::exit::Exit;
use crate::terminal::Page;

/// Print a configuration file with the settings in force, every key explained.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs config                                                     print it
  galleryfs config --write --photos ~/Pictures --mount ~/Gallery       from then on `galleryfs up` is enough
  galleryfs config --where                                             where is it?")]
pub(super) struct Args {
    #[command(flatten)]
    photos: PhotoFlags,
    #[command(flatten)]
    models: ModelFlags,
    #[command(flatten)]
    mount: MountFlags,
    /// Write it to its usual place, unless there is one already
    #[arg(long)]
    write: bool,
    /// Only say where it is looked for
    #[arg(long = "where", conflicts_with = "write")]
    only_where: bool,
}

pub(super) fn run(args: Args, base: &Base) -> Result<Exit> {
    let mut page = Page::default();
    let folders = Folders::of(&|name| std::env::var_os(name))?;
    let file =
        folders.config_file().context("HOME is not set: there is no usual place for a configuration file");
    if args.only_where {
        page.line(&file?.display())?;
        return page.finish();
    }
    let text = template(&base.settings_with(args.photos, args.mount, args.models)?);
    if !args.write {
        page.write(&text)?;
        return page.finish();
    }
    let file = file?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    match std::fs::File::create_new(&file) {
        Ok(mut created) => created.write_all(text.as_bytes())?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Exit::Failed.because(format!("there is one already: {}", file.display())));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {}", file.display())),
    }
    page.line(&format_args!("Wrote {}", file.display()))?;
    page.finish()
}
