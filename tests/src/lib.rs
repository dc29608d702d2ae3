//! What the end-to-end tests share: a library made on the spot, and the real binary over it.
