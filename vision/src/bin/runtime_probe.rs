//! The child that touches a runtime first: for this crate's own tests. The program `galleryfs` has a hidden command.

fn main() -> std::process::ExitCode {
    vision::runtime::probe_main()
}
