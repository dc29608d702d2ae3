//! `galleryfs completions SHELL`.

use anyhow::Result;
use clap::CommandFactory as _;

use super::Cli;
use crate::exit::Exit;
use crate::terminal::Page;

/// Print completions for a shell.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs completions bash > ~/.local/share/bash-completion/completions/galleryfs
  galleryfs completions fish > ~/.config/fish/completions/galleryfs.fish
  galleryfs completions zsh  > ~/.zfunc/_galleryfs")]
pub(super) struct Args {
    /// Which shell
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    // Through memory: the generator panics when its reader goes away.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "galleryfs", &mut script);
    let mut page = Page::default();
    page.write(&String::from_utf8_lossy(&script))?;
    page.finish()
}
