//! Several servers: which are well, and whose turn it is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use library::Embedding;
use serde::Serialize;
use serde_json::Value;

use super::RemoteFace;
use super::protocol::{self, Question};
use crate::error::InferenceError;

/// A thousand faces of 8192 numbers, written out.
const MAX_ANSWER: u64 = 128 << 20;

/// How servers are treated.
#[derive(Clone, Copy, Debug)]
pub struct RemoteOptions {
    /// How long a ping may take.
    pub ping: Duration,
    /// How long an answer may take: a server loads its model with the first question.
    pub answer: Duration,
    /// How long it may take where somebody waits for it who can do without.
    pub hurried: Duration,
    /// How long a server that failed is left alone.
    pub rest: Duration,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            ping: Duration::from_secs(2),
            answer: Duration::from_secs(120),
            hurried: Duration::from_secs(3),
            rest: Duration::from_secs(30),
        }
    }
}

/// A server, as `status` tells of it.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// Its address.
    pub url: String,
    /// How it is.
    pub state: ServerState,
}

/// How a server is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerState {
    /// Not asked yet.
    Unknown,
    /// It answered last time.
    Well,
    /// It failed last time, and how.
    Failing(String),
}

struct Entry {
    url: String,
    health: Mutex<Health>,
}

struct Health {
    state: ServerState,
    /// Not to be asked before.
    rests_until: Option<Instant>,
    /// Not to be asked in a hurry before: it may be well, but have much to do.
    slow_until: Option<Instant>,
}

impl Health {
    fn rests(&self, patience: Patience) -> bool {
        let is_ahead = |until: Option<Instant>| until.is_some_and(|until| Instant::now() < until);
        is_ahead(self.rests_until) || patience == Patience::Little && is_ahead(self.slow_until)
    }
}

/// Whether somebody waits for the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Patience {
    /// Nobody does: a server may take the time that its work takes.
    Much,
    /// Somebody does, and would rather have none than wait.
    Little,
}

/// The servers that were named. Asked in turn; one that fails is left alone for a while.
pub struct Servers {
    servers: Vec<Entry>,
    turn: AtomicUsize,
    options: RemoteOptions,
    agent: ureq::Agent,
}

impl Servers {
    /// These servers (`http://host:3003`), in this order.
    pub fn new(urls: impl IntoIterator<Item = impl Into<String>>, options: RemoteOptions) -> Self {
        let servers = urls
            .into_iter()
            .map(|url| Entry {
                url: url.into().trim_end_matches('/').to_owned(),
                health: Mutex::new(Health {
                    state: ServerState::Unknown,
                    rests_until: None,
                    slow_until: None,
                }),
            })
            .collect();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(options.ping))
            // A server that was named is meant: nothing in between.
            .max_redirects(0)
            .proxy(None)
            .tls_config(crate::download::tls(ureq::tls::RootCerts::PlatformVerifier))
            .build()
            .new_agent();
        Self { servers, turn: AtomicUsize::new(0), options, agent }
    }

    /// How each is.
    pub fn states(&self) -> Vec<Server> {
        self.servers
            .iter()
            .map(|server| Server {
                url: crate::download::shown(&server.url),
                state: server.health().state.clone(),
            })
            .collect()
    }

    /// The embedding of a picture file by the named model.
    pub fn picture(&self, model: &str, file: &[u8]) -> Result<Embedding, InferenceError> {
        let question = Question::Picture(file);
        self.ask(&protocol::clip_visual(model), &question, Patience::Much, &protocol::clip_answer)
    }

    /// The embedding of a text by the named model.
    pub fn text(&self, model: &str, text: &str) -> Result<Embedding, InferenceError> {
        let question = Question::Text(text);
        self.ask(&protocol::clip_textual(model), &question, Patience::Much, &protocol::clip_answer)
    }

    /// The same for somebody who waits for it: a server that does not answer soon is asked for no text for a while.
    pub fn text_soon(&self, model: &str, text: &str) -> Result<Embedding, InferenceError> {
        let question = Question::Text(text);
        self.ask(&protocol::clip_textual(model), &question, Patience::Little, &protocol::clip_answer)
    }

    /// The faces of a picture file by the named models.
    pub fn faces(&self, model: &str, file: &[u8], min_score: f32) -> Result<Vec<RemoteFace>, InferenceError> {
        let question = Question::Picture(file);
        self.ask(&protocol::faces(model, min_score), &question, Patience::Much, &protocol::faces_answer)
    }

    /// Asks one server after the other until one gives a sound answer.
    fn ask<T>(
        &self,
        entries: &Value,
        question: &Question<'_>,
        patience: Patience,
        read: &dyn Fn(&[u8]) -> Result<T, protocol::AnswerError>,
    ) -> Result<T, InferenceError> {
        let (body, kind) = protocol::form(entries, question);
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut failures = Vec::new();
        for at in 0..self.servers.len() {
            let server = &self.servers[(first + at) % self.servers.len()];
            if server.health().rests(patience) {
                failures.push(format!("{} failed a moment ago", crate::download::shown(&server.url)));
                continue;
            }
            match self
                .ask_one(server, &body, &kind, patience)
                .and_then(|answer| read(&answer).map_err(|error| error.to_string()))
            {
                Ok(answer) => {
                    let mut health = server.health();
                    (health.state, health.rests_until) = (ServerState::Well, None);
                    if patience == Patience::Little {
                        health.slow_until = None;
                    }
                    return Ok(answer);
                }
                Err(reason) => {
                    failures.push(format!("{}: {reason}", crate::download::shown(&server.url)));
                    let until = Instant::now().checked_add(self.options.rest);
                    let mut health = server.health();
                    match patience {
                        Patience::Little => health.slow_until = until,
                        Patience::Much => {
                            (health.state, health.rests_until) = (ServerState::Failing(reason), until);
                        }
                    }
                }
            }
        }
        let reason = if failures.is_empty() { "none is named".to_owned() } else { failures.join("; ") };
        Err(InferenceError::Remote { reason })
    }

    fn ask_one(
        &self,
        server: &Entry,
        body: &[u8],
        kind: &str,
        patience: Patience,
    ) -> Result<Vec<u8>, String> {
        // A server that is not known to be well is asked how it is: that takes a second at most, a question minutes.
        if server.health().state != ServerState::Well {
            self.ping(server)?;
        }
        let response = self
            .agent
            .post(format!("{}/predict", server.url))
            .config()
            .timeout_global(Some(match patience {
                Patience::Much => self.options.answer,
                Patience::Little => self.options.hurried,
            }))
            .build()
            .header("Content-Type", kind)
            .send(body)
            .map_err(|error| error.to_string())?;
        read(response, MAX_ANSWER)
    }

    fn ping(&self, server: &Entry) -> Result<(), String> {
        let response = self
            .agent
            .get(format!("{}/ping", server.url))
            .config()
            .timeout_global(Some(self.options.ping))
            .build()
            .call()
            .map_err(|error| error.to_string())?;
        let answer = read(response, 64)?;
        let answer = String::from_utf8_lossy(&answer);
        if answer.trim().trim_matches('"') == "pong" {
            Ok(())
        } else {
            Err("it answers a ping with something else: no inference server".to_owned())
        }
    }
}

impl Entry {
    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>, limit: u64) -> Result<Vec<u8>, String> {
    use std::io::Read;
    if !response.status().is_success() {
        return Err(format!("it answers {}", response.status()));
    }
    let mut answer = Vec::new();
    let mut reader = response.body_mut().with_config().limit(u64::MAX).reader().take(limit + 1);
    reader.read_to_end(&mut answer).map_err(|error| error.to_string())?;
    if answer.len() as u64 > limit {
        return Err(format!("its answer is longer than {limit} bytes"));
    }
    Ok(answer)
}
