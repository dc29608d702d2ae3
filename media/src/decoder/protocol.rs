//! What passes between the daemon and a decoder: one datagram each way, with a descriptor.
//!
//! A request carries the file. A reply carries a piece of shared memory with everything large, one after the other, and
//! says how long each is. The daemon reads that memory as it reads a file: it maps nothing, so a child that cuts it
//! short meanwhile makes a short read, not a fault.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;

use library::metadata::PixelSize;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use super::{Derived, Request};
use crate::pixels::{DecodeError, MOST_BYTES, Picture};
use crate::thumbnails::Thumbnails;
use crate::video::VideoFacts;

/// The largest datagram. Names have at most 255 bytes, reasons a few hundred.
const LARGEST_MESSAGE: usize = 64 << 10;

/// The largest encoded thumbnail. A preview at WebP's longest side, of nothing but noise, has less.
const LARGEST_ENCODED: u64 = 64 << 20;

/// What a decoder is sent: the request, and how many bytes the samples of this file may take.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) request: Request,
    pub(crate) room: u64,
}

/// The first message of a decoder: it is there and confined, or why it is not.
pub(super) type Hello = Result<(), String>;

/// A decoder's answer.
pub(super) type Reply = Result<Answer, DecodeError>;

/// What lies in the shared memory, in this order, and what does not need it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    full: PixelSize,
    video: Option<VideoFacts>,
    /// Bytes of small, large, preview and thumbhash.
    thumbnails: Option<[u64; 4]>,
    /// Width and height of the RGB picture.
    picture: Option<(u32, u32)>,
}

impl Answer {
    /// Splits what was made into the answer and the parts of its payload.
    pub(super) fn of(derived: &Derived) -> (Self, Vec<&[u8]>) {
        let mut parts: Vec<&[u8]> = Vec::new();
        if let Some(made) = &derived.thumbnails {
            parts.extend([made.small.as_slice(), &made.large, &made.preview, &made.thumbhash]);
        }
        let lengths = parts.iter().map(|part| part.len() as u64).collect::<Vec<_>>();
        if let Some(picture) = &derived.picture {
            parts.push(picture.rgb());
        }
        let answer = Self {
            full: derived.full,
            video: derived.video.clone(),
            thumbnails: lengths.try_into().ok(),
            picture: derived.picture.as_ref().map(|picture| (picture.width(), picture.height())),
        };
        (answer, parts)
    }

    /// Puts together what was made. Every length is held against a limit, and their sum against what is there.
    pub(super) fn read(self, payload: Option<&File>) -> io::Result<Derived> {
        let wrong = |words: &str| io::Error::new(io::ErrorKind::InvalidData, words.to_owned());
        let lengths = self.thumbnails.unwrap_or_default();
        if lengths.iter().any(|length| *length > LARGEST_ENCODED) {
            return Err(wrong("a thumbnail is too large"));
        }
        let picture_bytes = self
            .picture
            .map_or(0, |(width, height)| (u64::from(width) * u64::from(height)).saturating_mul(3));
        if picture_bytes > MOST_BYTES {
            return Err(wrong("the picture is too large"));
        }
        let there = payload.map_or(Ok(0), |payload| payload.metadata().map(|metadata| metadata.len()))?;
        if there != lengths.iter().sum::<u64>() + picture_bytes {
            return Err(wrong("the answer is not as long as it says"));
        }
        let mut at = 0;
        let mut take = |length: u64| {
            let mut bytes = vec![0; length as usize];
            if let Some(payload) = payload {
                payload.read_exact_at(&mut bytes, at)?;
            }
            at += length;
            io::Result::Ok(bytes)
        };
        let thumbnails = match self.thumbnails {
            Some([small, large, preview, thumbhash]) => Some(Thumbnails {
                small: take(small)?,
                large: take(large)?,
                preview: take(preview)?,
                thumbhash: take(thumbhash)?,
            }),
            None => None,
        };
        let picture = match self.picture {
            Some((width, height)) => {
                let picture = Picture::new(width, height, take(picture_bytes)?);
                Some(picture.ok_or_else(|| wrong("the picture is empty"))?)
            }
            None => None,
        };
        Ok(Derived { thumbnails, picture, full: self.full, video: self.video })
    }
}

/// Reads what is to be done.
pub(crate) fn read_order(bytes: &[u8]) -> Option<Order> {
    postcard::from_bytes(bytes).ok()
}

/// Reads a reply and its payload, as the daemon does.
pub(crate) fn read_reply(bytes: &[u8], payload: Option<&File>) -> io::Result<Result<Derived, DecodeError>> {
    let reply: Reply = decode(bytes)?;
    match reply {
        Ok(answer) => Ok(Ok(answer.read(payload)?)),
        Err(error) => Ok(Err(error)),
    }
}

/// Reads any message.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> io::Result<T> {
    postcard::from_bytes(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Sends one message, with a descriptor where there is one.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    message: &impl Serialize,
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let bytes = postcard::to_stdvec(message).map_err(io::Error::other)?;
    let descriptors = descriptor.as_slice();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    // A peer that is gone is an error, not a signal.
    loop {
        match sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Receives one message; an empty one means that the peer is gone.
pub(super) fn receive(socket: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
    let mut bytes = vec![0; LARGEST_MESSAGE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        match recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => break received,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    if received.flags.contains(ReturnFlags::TRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is too long"));
    }
    bytes.truncate(received.bytes);
    Ok((bytes, descriptor))
}

/// Shared memory that holds these parts.
pub(super) fn shared(parts: &[&[u8]]) -> io::Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    let mut file = File::from(memfd_create("galleryfs-pixels", MemfdFlags::CLOEXEC)?);
    for part in parts {
        io::Write::write_all(&mut file, part)?;
    }
    Ok(file)
}

/// The descriptor of a file, to be sent.
pub(super) fn borrowed(file: &File) -> Option<BorrowedFd<'_>> {
    Some(file.as_fd())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived() -> Derived {
        Derived {
            thumbnails: Some(Thumbnails {
                small: vec![1; 10],
                large: vec![2; 20],
                preview: vec![3; 30],
                thumbhash: vec![4; 5],
            }),
            picture: Picture::new(2, 3, (0..18).collect()),
            full: PixelSize { width: 200, height: 300 },
            video: None,
        }
    }

    #[test]
    fn what_is_sent_arrives() {
        let derived = derived();
        let (answer, parts) = Answer::of(&derived);
        let payload = shared(&parts).unwrap();
        assert_eq!(answer.read(Some(&payload)).unwrap(), derived);
        let bare = Derived { thumbnails: None, picture: None, ..derived };
        let (answer, parts) = Answer::of(&bare);
        assert!(parts.is_empty());
        assert_eq!(answer.read(None).unwrap(), bare);
    }

    #[test]
    fn an_answer_that_lies_about_its_length_is_refused_before_anything_is_allocated() {
        let derived = derived();
        let (honest, parts) = Answer::of(&derived);
        let payload = shared(&parts).unwrap();
        let lies = [
            Answer { picture: Some((2, 4)), ..honest.clone() },
            Answer { picture: Some((u32::MAX, u32::MAX)), ..honest.clone() },
            Answer { picture: None, ..honest.clone() },
            Answer { thumbnails: Some([u64::MAX, 1, 2, 3]), ..honest.clone() },
            Answer { thumbnails: None, ..honest.clone() },
        ];
        for lie in lies {
            assert!(lie.clone().read(Some(&payload)).is_err(), "{lie:?}");
            assert!(lie.read(None).is_err());
        }
        assert!(decode::<Reply>(b"\0\xFF\xFF\xFF\xFF").is_err());
    }
}
