//! What the commands say: the JSON shapes, which scripts rely on, and the same for people.

mod asset;
mod group;
mod person;
mod record;
mod status;
mod text;

pub use self::asset::{Asset, Face, Hit};
pub use self::group::Group;
pub use self::person::Person;
pub use self::record::Record;
pub use self::status::{Activity, Busy, Offline, Root, Stage, State, Status, Unreadable, Vision};
pub use self::text::{Table, bytes, count, elapsed, plural, safe};
