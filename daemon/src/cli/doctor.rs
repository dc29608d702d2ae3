//! `galleryfs doctor`.

use anyhow::Result;

use super::{Base, ModelFlags, MountFlags, PhotoFlags};
use crate::doctor::{Finding, Verdict, examine};
use crate::exit::Exit;
use crate::terminal::{Page, coloured};

/// Look for what this machine lacks, and say the command that mends it.
///
/// Ends with 1 when something keeps galleryfs from working.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  galleryfs doctor --photos ~/Pictures --mount ~/Gallery")]
pub(super) struct Args {
    #[command(flatten)]
    photos: PhotoFlags,
    #[command(flatten)]
    models: ModelFlags,
    #[command(flatten)]
    mount: MountFlags,
}

pub(super) fn run(args: Args, base: &Base) -> Result<Exit> {
    let settings = base.settings_with(args.photos, args.mount, args.models)?;
    let findings = examine(&settings);
    let mut page = Page::default();
    for finding in &findings {
        tell(finding, &mut page)?;
    }
    let bad = findings.iter().filter(|finding| finding.verdict == Verdict::Bad).count();
    let worth = findings.iter().filter(|finding| finding.verdict == Verdict::Worth).count();
    page.line(&match (bad, worth) {
        (0, 0) => "\nEverything is there.".to_owned(),
        (0, _) => "\nGood enough; what is marked could be better.".to_owned(),
        (1, _) => "\nOne thing keeps galleryfs from working.".to_owned(),
        (bad, _) => format!("\n{bad} things keep galleryfs from working."),
    })?;
    page.finish()?;
    Ok(if bad == 0 { Exit::Done } else { Exit::Failed })
}

fn tell(finding: &Finding, page: &mut Page) -> Result<()> {
    let mark = match finding.verdict {
        Verdict::Good => coloured("ok  ", "32"),
        Verdict::Worth => coloured("note", "33"),
        Verdict::Bad => coloured("BAD ", "31"),
    };
    page.line(&format_args!("{mark}  {}: {}", finding.about, finding.found))?;
    for line in finding.mend.iter().flat_map(|mend| mend.lines()) {
        page.line(&format_args!("        {line}"))?;
    }
    Ok(())
}
