//! What the commands say: the JSON shapes, which scripts rely on, and the same for people.

mod asset;
mod record;
mod status;
mod text;

pub use self::asset::{Asset, Hit};
pub use self::record::Record;
pub use self::status::{Activity, Busy, Offline, Root, State, Status, Unreadable};
pub use self::text::{Table, bytes, count, elapsed, plural, safe};
