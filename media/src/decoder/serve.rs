//! A decoder's own side: a process that gets files and gives pictures until nobody asks any more.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use super::protocol::{self, Answer, Hello, Reply};
use super::{Derived, Request, confine};
use crate::pixels::{self, DecodeError, budget};
use crate::thumbnails::{self, Size};

/// The body of the hidden subcommand that [`super::Decoders`] starts. Standard input is the socket to the daemon.
///
/// To be called before anything else: the process is confined as it is, and must have no other threads.
pub fn serve() -> ExitCode {
    serve_with(derive)
}

/// Like [`serve()`], with another way to make something of a file: tests hang and crash here.
pub fn serve_with(mut derive: impl FnMut(&File, &Request) -> Result<Derived, DecodeError>) -> ExitCode {
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    // A panic becomes this file's reason; nobody reads what it would print.
    std::panic::set_hook(Box::new(|_| {}));
    let hello: Hello = confine::confine().map_err(|error| error.to_string());
    if protocol::send(socket.as_fd(), &hello, None).is_err() || hello.is_err() {
        return ExitCode::FAILURE;
    }
    loop {
        let Ok((message, file)) = protocol::receive(socket.as_fd()) else { return ExitCode::FAILURE };
        if message.is_empty() {
            return ExitCode::SUCCESS;
        }
        let (Some(order), Some(file)) = (protocol::read_order(&message), file.map(File::from)) else {
            return ExitCode::FAILURE;
        };
        budget::set_room(order.room);
        let derived = derive(&file, &order.request);
        if answer(&socket, derived).is_err() {
            return ExitCode::FAILURE;
        }
    }
}

fn answer(socket: &std::os::fd::OwnedFd, derived: Result<Derived, DecodeError>) -> std::io::Result<()> {
    let made = derived.and_then(|derived| {
        let (answer, parts) = Answer::of(&derived);
        let payload = if parts.is_empty() { None } else { Some(protocol::shared(&parts)?) };
        Ok((answer, payload))
    });
    match made {
        Ok((answer, payload)) => {
            protocol::send(socket.as_fd(), &Reply::Ok(answer), payload.as_ref().and_then(protocol::borrowed))
        }
        Err(error) => protocol::send(socket.as_fd(), &Reply::Err(error), None),
    }
}

/// Decodes a file, in this process, and makes what is wanted of it.
pub fn derive(file: &File, request: &Request) -> Result<Derived, DecodeError> {
    let of_thumbnails = request.thumbnails.then(|| Size::Preview.short_side());
    let least = of_thumbnails.max(request.picture_short_side).unwrap_or(1);
    let decoded = pixels::decode(file, &request.file_name, request.orientation, Some(least))?;
    // The preview is shrunk once, for the file and for the models.
    let picture = decoded.shrunk_to(least);
    let thumbnails = if request.thumbnails { Some(thumbnails::make(&picture)?) } else { None };
    let picture = request.picture_short_side.map(|short_side| picture.shrunk_to(short_side));
    Ok(Derived { thumbnails, picture, full: decoded.full, video: decoded.video })
}
