//! A Python package index: the page of a package, in JSON (PEP 691) or HTML (PEP 503), to the address of one file.

use serde::Deserialize;
use thiserror::Error;

use super::pinned::Wheel;
use super::pip::PipSettings;
use crate::download::{Client, DownloadError, shown};

/// A package with thousands of files has a page of a few megabytes.
const MAX_PAGE: u64 = 64 << 20;

/// Why an index gives no address.
#[derive(Debug, Error)]
pub enum IndexError {
    /// None of the indexes has the file.
    #[error("`{file}` is in none of the package indexes: {}", tried.join("; "))]
    NotThere {
        /// The file.
        file: &'static str,
        /// What each index said.
        tried: Vec<String>,
    },
}

/// The address of `wheel` in the first index that has it.
pub(super) fn find(client: &Client, settings: &PipSettings, wheel: &Wheel) -> Result<String, IndexError> {
    let mut tried = Vec::new();
    for index in &settings.indexes {
        let page_url = format!("{}/{}/", index.trim_end_matches('/'), wheel.package);
        match ask(client, &page_url, wheel.file) {
            Ok(Some(url)) => return Ok(url),
            Ok(None) => tried.push(format!("{} has other files", shown(&page_url))),
            Err(error) => tried.push(error.to_string()),
        }
    }
    Err(IndexError::NotThere { file: wheel.file, tried })
}

fn ask(client: &Client, page_url: &str, file: &str) -> Result<Option<String>, DownloadError> {
    let accept =
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";
    let page = client.page(page_url, accept, MAX_PAGE)?;
    let found = if page.content_type.ends_with("json") {
        in_json(&page.body, file)
    } else {
        in_html(&page.body, file)
    };
    Ok(found.and_then(|reference| join(page_url, &reference)))
}

/// The reference to `file` on a page in JSON.
pub fn in_json(page: &[u8], file: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Page {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        filename: String,
        url: String,
    }
    let page: Page = serde_json::from_slice(page).ok()?;
    page.files.into_iter().find(|listed| listed.filename == file).map(|listed| listed.url)
}

/// The reference to `file` on a page in HTML: the `href` of the link whose text is the file's name.
pub fn in_html(page: &[u8], file: &str) -> Option<String> {
    let page = String::from_utf8_lossy(page);
    for link in page.split("<a").skip(1) {
        let Some((tag, rest)) = link.split_once('>') else { continue };
        if rest.split('<').next().map(str::trim) != Some(file) {
            continue;
        }
        let Some((_, value)) = tag.split_once("href") else { continue };
        let value = value.trim_start().strip_prefix('=').map(str::trim_start).unwrap_or_default();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let reference = value[1..].split(quote).next()?;
        return Some(reference.replace("&amp;", "&"));
    }
    None
}

/// The address a reference on a page means. `None` for what is no HTTP address.
pub fn join(page: &str, reference: &str) -> Option<String> {
    let reference = reference.split('#').next().unwrap_or_default();
    if reference.chars().any(|char| char.is_whitespace() || char.is_control()) {
        return None;
    }
    if reference.starts_with("https://") || reference.starts_with("http://") {
        return Some(reference.to_owned());
    }
    let (scheme, rest) = page.split_once("://")?;
    if let Some(host) = reference.strip_prefix("//") {
        return Some(format!("{scheme}://{host}"));
    }
    if reference.split('/').next().is_some_and(|first| first.contains(':')) {
        return None;
    }
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut folders: Vec<&str> =
        if reference.starts_with('/') { Vec::new() } else { path.split('/').collect() };
    // What follows the last slash is the page itself.
    folders.pop();
    for part in reference.trim_start_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                folders.pop();
            }
            part => folders.push(part),
        }
    }
    Some(format!("{scheme}://{host}/{}", folders.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_in_json() {
        let page = br#"{"meta": {"api-version": "1.1"}, "name": "x", "files": [
            {"filename": "x-1.whl", "url": "../../files/x-1.whl", "hashes": {}}, {"filename": "x-2.whl", "url": "https://h/x-2.whl", "hashes": {}}]}"#;
        assert_eq!(in_json(page, "x-2.whl").as_deref(), Some("https://h/x-2.whl"));
        assert_eq!(in_json(page, "x-3.whl"), None);
        assert_eq!(in_json(b"<html>", "x-2.whl"), None);
    }

    #[test]
    fn a_file_is_found_in_html() {
        let page = b"<html><a href='x-1.whl#sha256=00'>x-1.whl</a><br/>\n<a data-requires-python=\"&gt;=3\" href=\"/f/x-2.whl?a=1&amp;b=2#sha256=11\" >\n x-2.whl </a>";
        assert_eq!(in_html(page, "x-1.whl").as_deref(), Some("x-1.whl#sha256=00"));
        assert_eq!(in_html(page, "x-2.whl").as_deref(), Some("/f/x-2.whl?a=1&b=2#sha256=11"));
        assert_eq!(in_html(b"<a href>x-1.whl</a><a", "x-1.whl"), None);
    }

    #[test]
    fn references_are_joined_to_their_page() {
        let joined = |reference| join("https://host:8/simple/x/", reference);
        assert_eq!(joined("x.whl#a").as_deref(), Some("https://host:8/simple/x/x.whl"));
        assert_eq!(joined("../../files/x.whl").as_deref(), Some("https://host:8/files/x.whl"));
        assert_eq!(joined("../../../../x.whl").as_deref(), Some("https://host:8/x.whl"));
        assert_eq!(joined("/x.whl").as_deref(), Some("https://host:8/x.whl"));
        assert_eq!(joined("//other/x.whl").as_deref(), Some("https://other/x.whl"));
        assert_eq!(joined("http://other/x.whl").as_deref(), Some("http://other/x.whl"));
        assert_eq!(joined("file:///etc/passwd"), None);
        assert_eq!(joined("x y"), None);
    }
}
