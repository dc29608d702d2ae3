//! What the program `galleryfs` is made of: the watcher, which finds out what happens to the user's folders, and the
//! pipeline, which reads the files and tells the library; and the shell around them, from the command line down.

mod backend;
pub mod cli;
mod config;
mod doctor;
mod exit;
mod mounting;
mod notify;
mod output;
pub mod pipeline;
mod progress;
mod raw_path;
mod request;
mod running;
mod service;
mod socket;
mod source;
mod stop;
mod terminal;
pub mod watch;
