//! People: what was found in pictures goes in, what the user decides goes in, and who is who comes out.

mod carrying;
mod deciding;
mod finding;
mod gathering;
mod giving;
mod known;
mod reading;
mod telling;

pub(super) use self::carrying::carry;
pub use self::deciding::Named;
pub(super) use self::deciding::{is_in, is_not_in};
pub(super) use self::gathering::Gathering;
pub use self::gathering::{Effort, PeopleUpdate};
