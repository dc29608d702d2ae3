//! What this machine lacks, found out without touching the library.

mod folders;
mod fuse;
mod models;
mod packages;

use crate::config::Settings;

/// One thing looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// How it is.
    pub verdict: Verdict,
    /// What was looked at.
    pub about: String,
    /// What was found.
    pub found: String,
    /// The command that mends it, or what to know.
    pub mend: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Worth,
    /// Keeps galleryfs from working.
    Bad,
}

impl Finding {
    fn good(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Good, about: about.into(), found: found.into(), mend: None }
    }

    fn worth(about: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Worth, about: about.into(), found: found.into(), mend: Some(mend.into()) }
    }

    fn bad(about: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, about: about.into(), found: found.into(), mend: Some(mend.into()) }
    }
}

/// Looks at everything that galleryfs needs.
pub fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![fuse::device(), fuse::helper(), fuse::passthrough(settings)];
    findings.extend(settings.allow_other.then(fuse::allow_other));
    findings.extend(settings.mount.as_deref().map(folders::mount_point));
    findings.extend(folders::photos(settings));
    findings.extend(folders::room(&settings.data));
    findings.push(folders::places(settings));
    findings.push(models::runtime(settings));
    findings.extend(models::models(settings));
    findings
}
