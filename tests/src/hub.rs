//! A hub of models on loopback, in the layout of Immich's.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use sha2::Digest as _;

use crate::folder;
use crate::http::{Reply, Server};

/// What the hub says of a model's files: large files with their SHA-256, small ones with git's name.
pub fn listing(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let entry = |(path, content): (&String, &Vec<u8>)| {
        let size = content.len();
        if size > 1000 {
            let oid = hex::encode(sha2::Sha256::digest(content));
            let lfs = json!({"oid": oid, "size": size, "pointerSize": 130});
            json!({"type": "file", "path": path, "size": size, "oid": "00", "lfs": lfs})
        } else {
            let mut sum = sha1::Sha1::new();
            sum.update(format!("blob {size}\0"));
            sum.update(content);
            json!({"type": "file", "path": path, "size": size, "oid": hex::encode(sum.finalize())})
        }
    };
    serde_json::to_vec(&files.iter().map(entry).collect::<Vec<Value>>()).unwrap()
}

/// A hub that has these models: each name with the folder that its files lie in.
pub fn serving(models: &[(&str, &Path)]) -> Server {
    let files = |path: &Path| {
        let contents = folder::contents(path).into_iter();
        contents.map(|(path, bytes)| (path.to_str().unwrap().to_owned(), bytes)).collect::<BTreeMap<_, _>>()
    };
    let models: Vec<(String, BTreeMap<String, Vec<u8>>)> =
        models.iter().map(|(name, path)| ((*name).to_owned(), files(path))).collect();
    Server::start(move |request| {
        for (name, files) in &models {
            if request.path == format!("/api/models/immich-app/{name}/tree/main?recursive=true") {
                return Reply::Body("application/json", listing(files));
            }
            let file = request.path.strip_prefix(&format!("/immich-app/{name}/resolve/main/"));
            if let Some(content) = file.and_then(|file| files.get(file)) {
                return Reply::File(content.clone());
            }
        }
        Reply::Status(404)
    })
}
