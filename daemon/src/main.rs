//! The program `galleryfs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    daemon::cli::main()
}
