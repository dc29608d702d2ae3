//! Bytes in, metadata out.
