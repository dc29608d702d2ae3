//! The model, run by `scripts/clip-pipe.py`.

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use library::Embedding;
use library::meaning::{EncodeError, Encoder};
use library::vectors::ModelName;

/// The Python pipeline.
pub(crate) struct Pipe {
    pub(crate) model: ModelName,
    pub(crate) width: usize,
    /// The same texts are asked again for every library.
    texts: Mutex<HashMap<String, Embedding>>,
    lines: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    _child: Child,
}

impl Pipe {
    pub(crate) fn start(model: &Path) -> Result<Self, Box<dyn Error>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/clip-pipe.py");
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
        let mut child = Command::new(python)
            .arg(script)
            .arg(model)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipe".into());
        };
        let mut output = BufReader::new(output);
        let mut width = [0; 4];
        output.read_exact(&mut width)?;
        Ok(Self {
            model: ModelName::new("standin")?,
            width: u32::from_le_bytes(width) as usize,
            texts: Mutex::default(),
            lines: Mutex::new((input, output)),
            _child: child,
        })
    }

    pub(crate) fn ask(&self, line: &str) -> Result<Embedding, Box<dyn Error + Send + Sync>> {
        let (input, output) = &mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(input, "{line}")?;
        input.flush()?;
        let mut bytes = vec![0; self.width * 4];
        output.read_exact(&mut bytes)?;
        let values =
            bytes.chunks_exact(4).map(|part| f32::from_le_bytes([part[0], part[1], part[2], part[3]]));
        Ok(Embedding::new(values.collect::<Vec<f32>>())?)
    }
}

impl Encoder for Pipe {
    fn model(&self) -> &ModelName {
        &self.model
    }

    fn encode(&self, text: &str) -> Result<Embedding, EncodeError> {
        let texts = || self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = texts().get(text) {
            return Ok(known.clone());
        }
        let embedding = self.ask(&format!("text {text}")).map_err(EncodeError::new)?;
        texts().insert(text.to_owned(), embedding.clone());
        Ok(embedding)
    }
}
