//! A server on loopback that says what a test wants, and misbehaves as a test wants.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`.
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// All of it.
    pub body: Vec<u8>,
}

impl Request {
    /// Where the asked range begins.
    pub fn from(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }
}

/// What is answered.
#[derive(Debug)]
pub enum Reply {
    /// 200 with a body of that content type.
    Body(&'static str, Vec<u8>),
    /// The file, or the part that was asked for.
    File(Vec<u8>),
    /// The file, but the line breaks after so many bytes of it.
    Cut(Vec<u8>, usize),
    /// A body without end: it is sent until the client goes away.
    Endless,
    /// Nothing, for as long as the server lives.
    Silence,
    /// A status without a body.
    Status(u16),
}

/// The server. It ends with the value.
#[derive(Debug)]
pub struct Server {
    port: u16,
    ending: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers each request with what `answer` gives.
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (ending, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (ended, log, answer) = (ending.clone(), seen.clone(), Arc::new(answer));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let (ended, log, answer) = (ended.clone(), log.clone(), answer.clone());
                std::thread::spawn(move || {
                    let _ = serve(stream.unwrap(), &*answer, &log, &ended);
                });
            }
        });
        Self { port, ending, seen, thread: Some(thread) }
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn serve(
    stream: TcpStream,
    answer: &dyn Fn(&Request) -> Reply,
    log: &Mutex<Vec<Request>>,
    ended: &AtomicBool,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) =
        (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request = Request { method, path, headers, body };
    log.lock().unwrap().push(request.clone());
    let mut stream = stream;
    let head = |status: &str, kind: &str, length: usize, more: &str| {
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n"
        )
    };
    match answer(&request) {
        Reply::Body(kind, body) => {
            stream.write_all(head("200 OK", kind, body.len(), "").as_bytes())?;
            stream.write_all(&body)?;
        }
        Reply::File(file) => send(&mut stream, &request, &file, usize::MAX)?,
        Reply::Cut(file, after) => send(&mut stream, &request, &file, after)?,
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            while !ended.load(Ordering::SeqCst) {
                stream.write_all(&[b'x'; 65536])?;
            }
        }
        Reply::Silence => {
            while !ended.load(Ordering::SeqCst) {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        Reply::Status(status) => {
            stream.write_all(head(&format!("{status} Sorry"), "text/plain", 0, "").as_bytes())?;
        }
    }
    stream.shutdown(Shutdown::Both)
}

/// A file from where it was asked for, at most `most` bytes of it, under the length of all of it.
fn send(stream: &mut TcpStream, request: &Request, file: &[u8], most: usize) -> std::io::Result<()> {
    let from = request.from().unwrap_or(0);
    if from >= file.len() && from > 0 {
        return stream.write_all(b"HTTP/1.1 416 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let (status, range) = match request.from() {
        Some(from) => (
            "206 Partial Content",
            format!("Content-Range: bytes {from}-{}/{}\r\n", file.len() - 1, file.len()),
        ),
        None => ("200 OK", String::new()),
    };
    let rest = &file[from..];
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n{range}\r\n",
        rest.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&rest[..rest.len().min(most)])
}
