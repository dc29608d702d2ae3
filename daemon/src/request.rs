//! What a command asks of the library, whether a daemon has it or the command opened it itself; and the frames in
//! which the answer travels over the socket.
//!
//! One request a connection: a line of JSON. The answer is any number of `{"item": ...}` lines and then exactly one
//! `{"end": ...}`. An answer without an end was cut off.

use library::AssetId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::raw_path::RawPath;

/// The longest line either side reads. An asset with ten thousand tags fits; a flood does not.
pub const LONGEST_LINE: u64 = 16 << 20;

/// The longest request the daemon reads.
pub const LONGEST_REQUEST: u64 = 64 << 10;

/// A question or an order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// One [`crate::output::Status`].
    Status,
    /// Every [`crate::output::Asset`].
    List,
    /// One [`crate::output::Asset`].
    Show {
        /// Which.
        what: Wanted,
    },
    /// [`crate::output::Hit`]s, best first.
    Search {
        /// In the query language.
        query: String,
        /// At most so many.
        limit: usize,
    },
    /// [`crate::output::Group`]s of photos that are nearly the same picture.
    Duplicates,
    /// [`crate::output::Record`]s of the journal, oldest first.
    Log {
        /// The newest so many.
        limit: usize,
    },
    /// Comes back when everything decided is on the disk.
    Sync,
    /// Accepts that what is away or missing under a path is gone. Items: sentences about what was done.
    Forget {
        /// A root, or something in one.
        path: RawPath,
    },
    /// Asks who is in the photos, or decides it.
    People {
        /// What about them.
        what: People,
    },
    /// Lets any number of photos go into the trash for a while. Items: sentences about what was done.
    AllowTrash,
    /// Takes back what was done last. Items: sentences about what was done.
    Undo {
        /// How many things.
        count: usize,
    },
    /// Takes up models and runtimes that came or were chosen; comes back at once.
    Models,
    /// Looks at every file again; comes back at once, the status tells when it is done.
    Scan,
    /// Unmounts and ends the daemon.
    Stop,
}

/// What is asked or decided about people. A person is meant by id, by number or by name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "people", rename_all = "kebab-case", deny_unknown_fields)]
pub enum People {
    /// [`crate::output::Person`]s.
    List,
    /// Gives a person a name; one that another has makes them one. Items: sentences about what was done.
    Name {
        /// Who.
        person: String,
        /// What they are called.
        name: String,
    },
    /// Takes a name away. Items: sentences.
    Unname {
        /// Who.
        person: String,
    },
    /// Makes two people one. Items: sentences.
    Merge {
        /// Who goes.
        from: String,
        /// Who stays.
        into: String,
    },
    /// Takes faces out of a person and makes another of them. Items: sentences.
    Split {
        /// Of whom.
        person: String,
        /// The photos in which it is somebody else.
        photos: Vec<Wanted>,
        /// What the other is called.
        name: Option<String>,
    },
    /// Leaves a person out of `people/`, or not any more. Items: sentences.
    Hide {
        /// Who.
        person: String,
        /// Whether they are left out.
        hidden: bool,
    },
}

/// The asset somebody means. Tried in this order.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// By id.
    pub id: Option<AssetId>,
    /// By inode number, for a path in the mount.
    pub inode: Option<u64>,
    /// By the absolute path of an original.
    pub path: Option<RawPath>,
    /// By its name in the mount.
    pub name: Option<String>,
    /// As it was typed, for the message that nothing is there.
    pub typed: String,
}

/// One line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frame {
    /// A piece of the answer: one line of the command's `--json`.
    Item(Box<RawValue>),
    /// The answer is complete.
    End {
        /// The exit code.
        exit: u8,
        /// What went wrong, when `exit` is not 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_frames_are_one_line_of_json() {
        let request = Request::Forget { path: RawPath("/a\nb".into()) };
        let line = serde_json::to_string(&request).unwrap();
        assert_eq!(line, r#"{"ask":"forget","path":"/a\nb"}"#);
        assert_eq!(serde_json::from_str::<Request>(&line).unwrap(), request);
        assert!(serde_json::from_str::<Request>(r#"{"ask":"format-disk"}"#).is_err());

        let frame = Frame::Item(RawValue::from_string("{\"a\":1}".into()).unwrap());
        assert_eq!(serde_json::to_string(&frame).unwrap(), r#"{"item":{"a":1}}"#);
        assert!(matches!(
            serde_json::from_str::<Frame>(r#"{"end":{"exit":3,"message":"no"}}"#).unwrap(),
            Frame::End { exit: 3, message: Some(_) }
        ));
    }
}
