//! What the program `galleryfs` is made of: the watcher, which finds out what happens to the user's folders, and the
//! pipeline, which reads the files and tells the library; and the shell around them, from the command line down.

pub mod alone;
pub mod answering;
pub mod backend;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod emptying;
pub mod exit;
pub mod importing;
pub mod limits;
pub mod memory;
pub mod mounting;
pub mod notify;
pub mod output;
pub mod pipeline;
pub mod progress;
pub mod purging;
pub mod raw_path;
pub mod request;
pub mod running;
pub mod saving;
pub mod seeing;
pub mod service;
pub mod sidecars;
pub mod socket;
pub mod source;
pub mod stop;
pub mod terminal;
pub mod watch;
