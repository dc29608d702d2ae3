//! The watcher on a real file system with real events: over a small model of the library, and over the library.
#![allow(unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::needless_pass_by_value)]

mod model;
mod stage;

mod away;
mod complete;
mod limits;
mod moves;
mod names;
mod random;
mod restart;
mod sidecars;
mod speed;
mod unreadable;

/// Runs a test over the model and over the library.
#[macro_export]
macro_rules! over_both {
    ($($(#[$doc:meta])* $name:ident)+) => {
        mod over_model {
            $($(#[$doc])* #[test] fn $name() { super::$name(&$crate::stage::Kind::Model); })+
        }
        mod over_library {
            $($(#[$doc])* #[test] fn $name() { super::$name(&$crate::stage::Kind::Library); })+
        }
    };
}
