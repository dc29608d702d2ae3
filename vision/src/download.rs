//! Fetching files: bounded, resumed, verified.
//!
//! What makes it hard:
//! 1. Files of gigabytes over bad lines. What is there is kept and continued ([`Client::fetch`] asks for the rest), and
//!    a line that breaks is tried again while it brings something.
//! 2. Servers that lie: about lengths, ranges and contents, or never end. Nothing longer than was announced is taken,
//!    and nothing counts before its checksum does.
//! 3. Certificates: the system's are trusted, with whatever authority its owner added, and a file of more where pip is
//!    configured with one.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha1::Sha1;
use sha2::{Digest, Sha256};
use thiserror::Error;
use ureq::http::StatusCode;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider};

/// How often a file is tried again without a byte of progress between.
const TRIES: u32 = 4;

/// What a file's content must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checksum {
    /// SHA-256 of the content.
    Sha256([u8; 32]),
    /// Git's name for the content (SHA-1 over a header and the content), which hubs give for small files.
    GitBlob([u8; 20]),
}

impl Checksum {
    /// A SHA-256 in hexadecimal.
    pub fn sha256(hexadecimal: &str) -> Option<Self> {
        let mut sum = [0; 32];
        hex::decode_to_slice(hexadecimal, &mut sum).ok().map(|()| Self::Sha256(sum))
    }

    /// Git's name of a blob in hexadecimal.
    pub fn git_blob(hexadecimal: &str) -> Option<Self> {
        let mut sum = [0; 20];
        hex::decode_to_slice(hexadecimal, &mut sum).ok().map(|()| Self::GitBlob(sum))
    }

    /// Whether the file's content is that.
    pub fn fits(&self, path: &Path) -> std::io::Result<bool> {
        let mut file = File::open(path)?;
        Ok(match self {
            Self::Sha256(sum) => digest(&mut file, Sha256::new())? == sum,
            Self::GitBlob(sum) => {
                let header = format!("blob {}\0", file.metadata()?.len());
                digest(&mut file, Sha1::new_with_prefix(header))? == sum
            }
        })
    }
}

fn digest<D: Digest>(file: &mut File, mut digest: D) -> std::io::Result<Vec<u8>> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finalize().to_vec()),
            read => digest.update(&buffer[..read]),
        }
    }
}

/// A file to fetch.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Where from.
    pub url: String,
    /// How long it is, where that was announced.
    pub length: Option<u64>,
    /// Never take more, whatever is announced.
    pub limit: u64,
    /// What it must be. Without one the bytes are taken as they come.
    pub checksum: Option<Checksum>,
}

/// How far a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Bytes that are there.
    pub done: u64,
    /// Bytes there will be, where that is known.
    pub total: Option<u64>,
}

/// Told how far it is; says whether to go on.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Why a file was not fetched.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// The server refuses.
    #[error("{url}: the server answers {status}")]
    Refused {
        /// What was asked for, without credentials.
        url: String,
        /// The status.
        status: u16,
    },
    /// The line breaks again and again.
    #[error("{url}: {reason}")]
    Broken {
        /// What was asked for, without credentials.
        url: String,
        /// What happened last.
        reason: String,
    },
    /// There is more of it than there may be.
    #[error("{url}: longer than the {limit} bytes it may have")]
    TooLong {
        /// What was asked for, without credentials.
        url: String,
        /// How long it may be.
        limit: u64,
    },
    /// It is not what it should be. What came was thrown away.
    #[error("{url}: the checksum is wrong: this is not the file that was announced")]
    Checksum {
        /// What was asked for, without credentials.
        url: String,
    },
    /// It cannot be written.
    #[error("{}: {source}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Whoever watched said stop. What came is kept, to be continued.
    #[error("stopped")]
    Stopped,
}

/// Speaks HTTP.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
}

/// A page of text, and where it came from in the end.
pub(crate) struct Page {
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// Trusts what the system trusts (or what `SSL_CERT_FILE` names), and goes by way of the proxy that the environment
    /// names.
    pub fn new() -> Self {
        Self::with_roots(RootCerts::PlatformVerifier)
    }

    /// Trusts the authorities of a PEM file instead, as pip does with its `cert`.
    pub fn trusting(certificates: &Path) -> std::io::Result<Self> {
        let pem = std::fs::read(certificates)?;
        let roots: Vec<Certificate<'static>> = ureq::tls::parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        Ok(Self::with_roots(RootCerts::new_with_certs(&roots)))
    }

    fn with_roots(roots: RootCerts) -> Self {
        let agent = ureq::Agent::config_builder()
            .tls_config(tls(roots))
            .http_status_as_error(false)
            .user_agent(concat!("galleryfs/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .timeout_per_read(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        Self { agent }
    }

    /// A page of at most `limit` bytes.
    pub(crate) fn page(&self, url: &str, accept: &str, limit: u64) -> Result<Page, DownloadError> {
        let broken = |reason: String| DownloadError::Broken { url: shown(url), reason };
        let mut response =
            self.agent.get(url).header("Accept", accept).call().map_err(|error| broken(error.to_string()))?;
        if !response.status().is_success() {
            return Err(DownloadError::Refused { url: shown(url), status: response.status().as_u16() });
        }
        let content_type = response.body().mime_type().unwrap_or_default().to_owned();
        let mut body = Vec::new();
        let mut reader = response.body_mut().with_config().limit(u64::MAX).reader().take(limit + 1);
        reader.read_to_end(&mut body).map_err(|error| broken(error.to_string()))?;
        if body.len() as u64 > limit {
            return Err(DownloadError::TooLong { url: shown(url), limit });
        }
        Ok(Page { content_type, body })
    }

    /// Fetches a file into `path`, continuing what lies there. When it returns well, the file is whole, verified and on
    /// disk; after a failure what came stays, unless it was wrong.
    pub fn fetch(&self, wanted: &Wanted, path: &Path, progress: OnProgress<'_>) -> Result<(), DownloadError> {
        let disk = |source| DownloadError::Disk { path: path.to_owned(), source };
        if let Some(length) = wanted.length.filter(|length| *length > wanted.limit) {
            tracing::debug!(length, "announced too long");
            return Err(DownloadError::TooLong { url: shown(&wanted.url), limit: wanted.limit });
        }
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(disk)?;
        let mut tries = 0;
        // Progress is what was never there before: a server that has one begin anew, again and again, makes none.
        let mut most = file.seek(SeekFrom::End(0)).map_err(disk)?;
        loop {
            match self.continue_file(wanted, &mut file, path, &mut *progress) {
                Ok(()) => break,
                Err(DownloadError::Broken { url, reason }) => {
                    let after = file.seek(SeekFrom::End(0)).map_err(disk)?;
                    tries = if after > most { 0 } else { tries + 1 };
                    most = most.max(after);
                    if tries >= TRIES {
                        return Err(DownloadError::Broken { url, reason });
                    }
                    tracing::debug!(%url, %reason, after, "the line broke: trying again");
                    std::thread::sleep(Duration::from_millis(100 << tries));
                }
                Err(error @ DownloadError::TooLong { .. }) => {
                    let _ = std::fs::remove_file(path);
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        file.sync_all().map_err(disk)?;
        if let Some(checksum) = wanted.checksum
            && !checksum.fits(path).map_err(disk)?
        {
            std::fs::remove_file(path).map_err(disk)?;
            return Err(DownloadError::Checksum { url: shown(&wanted.url) });
        }
        Ok(())
    }

    /// Asks once for what is missing, and takes it.
    fn continue_file(
        &self,
        wanted: &Wanted,
        file: &mut File,
        path: &Path,
        progress: OnProgress<'_>,
    ) -> Result<(), DownloadError> {
        let url = shown(&wanted.url);
        let disk = |source| DownloadError::Disk { path: path.to_owned(), source };
        let broken = |reason: String| DownloadError::Broken { url: url.clone(), reason };
        let mut done = file.seek(SeekFrom::End(0)).map_err(disk)?;
        if wanted.length.is_some_and(|length| done > length) || done > wanted.limit {
            // More than there should be: another file, or a lie. It begins anew.
            file.set_len(0).map_err(disk)?;
            done = file.seek(SeekFrom::Start(0)).map_err(disk)?;
        }
        if wanted.length == Some(done) && done > 0 {
            return Ok(());
        }
        let mut request = self.agent.get(&wanted.url);
        if done > 0 {
            request = request.header("Range", format!("bytes={done}-"));
        }
        let mut response = request.call().map_err(|error| broken(error.to_string()))?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if done > 0 && begins_at(&response) == Some(done) => {}
            // A server without ranges begins at the beginning, and so does the file. One that gives another range than
            // was asked for is not believed.
            StatusCode::OK => done = restart(file).map_err(disk)?,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                restart(file).map_err(disk)?;
                return Err(broken("another part came than was asked for".to_owned()));
            }
            status if status.is_server_error() => return Err(broken(format!("the server answers {status}"))),
            status => return Err(DownloadError::Refused { url, status: status.as_u16() }),
        }
        let announced = response.body().content_length().map(|rest| done + rest);
        let total = wanted.length.or(announced);
        let limit = wanted.length.unwrap_or(wanted.limit);
        let mut reader = response.body_mut().with_config().limit(u64::MAX).reader();
        let mut buffer = vec![0; 128 << 10];
        loop {
            if progress(Progress { done, total }).is_break() {
                return Err(DownloadError::Stopped);
            }
            let read = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => return Err(broken(error.to_string())),
            };
            done += read as u64;
            if done > limit {
                return Err(DownloadError::TooLong { url, limit });
            }
            file.write_all(&buffer[..read]).map_err(disk)?;
        }
        match total {
            Some(total) if done < total => Err(broken(format!("{done} of {total} bytes came"))),
            _ => Ok(()),
        }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

/// TLS by rustls and ring, trusting `roots`.
pub(crate) fn tls(roots: RootCerts) -> TlsConfig {
    TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(roots)
        .build()
}

fn restart(file: &mut File) -> std::io::Result<u64> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))
}

/// Where the part begins that a `Content-Range: bytes 100-199/200` tells of.
fn begins_at(response: &ureq::http::Response<ureq::Body>) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// An address without what is secret in it: messages and logs are shown to others.
pub(crate) fn shown(url: &str) -> String {
    let without_query = url.split(['?', '#']).next().unwrap_or(url);
    match without_query.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
            let host = host.rsplit('@').next().unwrap_or(host);
            path.map_or_else(|| format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}"))
        }
        None => without_query.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(shown("https://user:pass@host:1/a/b@c?token=x#y"), "https://host:1/a/b@c");
        assert_eq!(shown("https://user@host"), "https://host");
    }

    #[test]
    fn checksums_are_sha256_and_gits() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"hello\n").unwrap();
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        assert!(Checksum::sha256(sha256).unwrap().fits(file.path()).unwrap());
        let blob = "ce013625030ba8dba906f756967f9e9ca394464a"; // git hash-object
        assert!(Checksum::git_blob(blob).unwrap().fits(file.path()).unwrap());
        std::fs::write(file.path(), b"hello!").unwrap();
        assert!(!Checksum::git_blob(blob).unwrap().fits(file.path()).unwrap());
        assert_eq!(Checksum::sha256(blob), None);
    }
}
