//! How the program ends: the exit codes, and errors that carry one.

use std::fmt;

/// What the shell is told. Documented in `galleryfs --help` and the README.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// It did not work; the message says why.
    Failed = 1,
    /// The command line, the environment or the configuration file is wrong.
    Usage = 2,
    /// What was asked for is not in the library.
    NotFound = 3,
    /// Another galleryfs has the library.
    InUse = 4,
    /// The library is fine but could not be mounted.
    NotMounted = 5,
}

impl Exit {
    /// The number as the other side of the socket sent it.
    pub fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Done,
            2 => Self::Usage,
            3 => Self::NotFound,
            4 => Self::InUse,
            5 => Self::NotMounted,
            _ => Self::Failed,
        }
    }

    /// The exit code that an error asks for: [`Exit::Failed`] where it asks for none.
    pub fn of(error: &anyhow::Error) -> Self {
        error.downcast_ref::<Refusal>().map_or(Self::Failed, |refusal| refusal.exit)
    }

    /// An error that ends the program with this code.
    pub fn because(self, message: impl fmt::Display) -> anyhow::Error {
        anyhow::Error::new(Refusal { exit: self, message: message.to_string() })
    }
}

/// An error with the exit code that belongs to it.
#[derive(Debug)]
struct Refusal {
    exit: Exit,
    message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// Whether an error only means that nobody reads on (`galleryfs list | head`).
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn an_exit_code_survives_added_context() {
        let error = Err::<(), _>(Exit::NotFound.because("no such photo")).context("show").unwrap_err();
        assert_eq!(Exit::of(&error), Exit::NotFound);
        assert_eq!(Exit::of(&anyhow::anyhow!("other")), Exit::Failed);
        assert_eq!(Exit::from_number(Exit::InUse as u8), Exit::InUse);
    }
}
