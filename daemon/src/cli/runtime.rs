//! `galleryfs runtime`: what computes with the models.

use std::path::PathBuf;

use anyhow::Result;
use vision::provider::Provider;
use vision::runtime::pull::{PipSettings, Source};

use super::{Base, MountFlags, PhotoFlags, fetching, settings::ModelFlags};
use crate::exit::Exit;
use crate::output::safe;
use crate::seeing::SeeingOptions;
use crate::terminal::Page;

/// Fetch ONNX Runtime, which computes with the models, or tell which one is used.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  galleryfs runtime                     which one is used, and why not the others?
  galleryfs runtime pull                the one for this machine
  galleryfs runtime pull cpu            for any machine: 20 MB
  galleryfs runtime pull openvino       faster on Intel
  galleryfs runtime pull cuda           for NVIDIA: more than 1 GB
  galleryfs runtime pull cpu --from ~/Downloads/onnxruntime-1.24.1-cp313-manylinux.whl")]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    models: ModelFlags,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Fetch one into the data folder, where it is found before all others
    Pull {
        /// Which: cpu, openvino or cuda [default: cuda where NVIDIA's driver runs, else cpu]
        #[arg(value_name = "cpu|openvino|cuda")]
        build: Option<Provider>,
        /// The wheel to take it from: a file, or an address [default: the package index, as pip is configured]
        #[arg(long, value_name = "FILE|URL")]
        from: Option<String>,
        /// Only if there is none on this machine
        #[arg(long)]
        if_none: bool,
    },
}

pub(super) fn run(args: Args, base: &Base) -> Result<Exit> {
    let settings = base.settings_with(PhotoFlags::default(), MountFlags::default(), args.models)?;
    let options = settings.seeing();
    let mut page = Page::default();
    match args.what {
        None => {
            let prober = SeeingOptions::prober()?;
            let found = vision::runtime::find(&options.search(), &prober)
                .map_err(|error| Exit::Failed.because(error))?;
            page.line(&format_args!("ONNX Runtime {}", found.version))?;
            page.line(&format_args!("in           {}", safe(&found.path.to_string_lossy())))?;
            for rejected in &found.rejected {
                page.line(&format_args!(
                    "passed over  {}: {}",
                    safe(&rejected.candidate.path.to_string_lossy()),
                    safe(&rejected.reason)
                ))?;
            }
        }
        Some(What::Pull { if_none: true, .. }) if has_one(&options) => {}
        Some(What::Pull { build, from, .. }) => {
            let source = match from {
                None => Source::Index(PipSettings::of_this_machine()),
                Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                    Source::Url(url, None)
                }
                Some(path) => Source::File(PathBuf::from(path)),
            };
            let build = build.unwrap_or_else(vision::runtime::best_here);
            let pulled = fetching::runtime(build, &source, &options, &|| true)?;
            page.line(&format_args!("{} is ready", safe(&pulled.library.to_string_lossy())))?;
            fetching::taken_up(&options.data);
        }
    }
    page.finish()
}

/// Whether there is a runtime that works.
pub(super) fn has_one(options: &SeeingOptions) -> bool {
    SeeingOptions::prober().is_ok_and(|prober| vision::runtime::find(&options.search(), &prober).is_ok())
}
