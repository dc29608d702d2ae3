//! CLIP and its family: pictures and texts in one space, where near means alike.
//!
//! What makes it hard: a model is right only with the exact preprocessing it was trained with, which differs by family
//! and is written in three files beside it. Nothing is assumed: size, mean and deviation come from
//! `preprocess_cfg.json` ([`visual`]), context length and cleaning from `config.json`, padding from
//! `tokenizer_config.json` ([`textual`]), batch, inputs and width from the graphs themselves.

pub mod configuration;
mod language;
pub mod textual;
pub mod visual;

pub use textual::Textual;
pub use visual::Visual;
