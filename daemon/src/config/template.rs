//! The configuration file, explained: what `galleryfs config` prints.

use std::path::Path;

use vision::provider::WantedProvider;

use crate::importing::Layout;

use super::{OnBattery, OnOff, Passthrough, Settings, Xattrs};

/// A configuration file that says what `settings` say, with every key explained and the defaults commented out.
pub fn template(settings: &Settings) -> String {
    let mut text = String::from(
        "# galleryfs configuration. The keys are the names of the flags; a flag or a GALLERYFS_* variable wins over
# this file. Relative paths start at this file's folder, `~/` is your home folder. A key that galleryfs does not
# know is an error, so that a slip of the keyboard is not silently ignored.\n",
    );
    let mut key = |comment: &str, name: &str, value: String, set: bool| {
        text.push('\n');
        for line in comment.lines() {
            text.push_str("# ");
            text.push_str(line);
            text.push('\n');
        }
        let mark = if set { "" } else { "# " };
        text.push_str(&format!("{mark}{name} = {value}\n"));
    };
    let photos: Vec<String> = settings.photos.iter().map(|path| quoted(path)).collect();
    key(
        "The folders whose photos and videos you want to see. No file in them is altered.",
        "photos",
        if photos.is_empty() { "[\"~/Pictures\"]".into() } else { format!("[{}]", photos.join(", ")) },
        !photos.is_empty(),
    );
    key(
        "Where the gallery is mounted. Must not lie in a photo folder. Made at start if it is not there.",
        "mount",
        path_or(settings.mount.as_deref(), "~/Gallery"),
        settings.mount.is_some(),
    );
    key(
        "Where new files go. Default: the first photo folder that can be written to.",
        "upload",
        path_or(settings.upload.as_deref(), "~/Pictures/Incoming"),
        settings.upload.is_some(),
    );
    key(
        "Where in that folder a new file goes, by its date. Files without one go to `undated`.",
        "layout",
        format!("\"{}\"", settings.layout),
        settings.layout != Layout::default(),
    );
    key(
        "What galleryfs keeps for itself: what you decided (back up truth/), and what it can work out again.",
        "data",
        quoted(&settings.data),
        false,
    );
    key(
        "Extended attributes of the files in the mount: \"user\", or \"off\" for the fastest listings.",
        "xattrs",
        if settings.xattrs == Xattrs::Off { "\"off\"".into() } else { "\"user\"".into() },
        settings.xattrs != Xattrs::default(),
    );
    key(
        "Whether the parts of a photo (the video of a live photo, sidecar files) stand beside it.",
        "parts",
        if settings.parts == OnOff::Off { "\"off\"".into() } else { "\"on\"".into() },
        settings.parts != OnOff::default(),
    );
    key(
        "Let the kernel read originals by itself where it can (needs root): \"auto\" or \"off\".",
        "passthrough",
        if settings.passthrough == Passthrough::Off { "\"off\"".into() } else { "\"auto\"".into() },
        settings.passthrough != Passthrough::default(),
    );
    key(
        "Let other users of this machine look into the mount. Needs user_allow_other in /etc/fuse.conf.",
        "allow-other",
        settings.allow_other.to_string(),
        settings.allow_other,
    );
    key(
        "How many photos may be put into the trash within a minute: more than that is taken for a slip.",
        "trash-guard",
        settings.trash_guard.to_string(),
        settings.trash_guard != library::TRASH_LIMIT,
    );
    key(
        "After how many days something in the trash is removed for good. Only days on which galleryfs ran count.\nDefault: never.",
        "trash-days",
        settings.trash_days.unwrap_or(30).to_string(),
        settings.trash_days.is_some(),
    );
    key(
        "Write what you decide (stars, tags, captions, dates) into XMP sidecars beside your photos as well,\nfor other programs to read. What a sidecar holds already is kept.",
        "sidecars.write",
        settings.write_sidecars.to_string(),
        settings.write_sidecars,
    );
    key(
        "Where the models lie that understand pictures and know faces, laid out as Immich has them.",
        "models",
        path_or(settings.models.as_deref(), "~/.local/share/galleryfs/models"),
        settings.models.is_some(),
    );
    key(
        "What computes: \"auto\" takes the fastest that proves itself; or \"cuda\", \"openvino\", \"cpu\".",
        "provider",
        format!("\"{}\"", settings.provider),
        settings.provider != WantedProvider::default(),
    );
    key(
        "The ONNX Runtime to use. Default: whichever is found; `galleryfs doctor` says which.",
        "onnxruntime",
        path_or(settings.onnxruntime.as_deref(), "/usr/lib/libonnxruntime.so"),
        settings.onnxruntime.is_some(),
    );
    key(
        "Whether photos are looked at while this machine runs on its battery: \"work\" or \"pause\".",
        "on-battery",
        if settings.on_battery == OnBattery::Pause { "\"pause\"".into() } else { "\"work\"".into() },
        settings.on_battery != OnBattery::default(),
    );
    let servers: Vec<String> = settings.servers.iter().map(|url| format!("\"{url}\"")).collect();
    key(
        "Servers that speak Immich's /predict and are asked before anything is computed here.",
        "servers",
        if servers.is_empty() { "[\"http://nas:3003\"]".into() } else { format!("[{}]", servers.join(", ")) },
        !servers.is_empty(),
    );
    key(
        "For releases to come: where the web gallery answers.",
        "listen",
        format!("\"{}\"", settings.listen),
        settings.listen != super::Listen::default(),
    );
    text
}

fn path_or(path: Option<&Path>, example: &str) -> String {
    path.map_or_else(|| format!("\"{example}\""), quoted)
}

/// A path as a TOML string.
fn quoted(path: &Path) -> String {
    toml::Value::String(path.to_string_lossy().into_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;

    #[test]
    fn the_printed_file_is_read_back_as_it_was_set() {
        let flags = Layer {
            photos: Some(vec!["/a \"b\"".into()]),
            mount: Some("/gallery".into()),
            xattrs: Some(Xattrs::Off),
            allow_other: Some(true),
            servers: Some(vec!["http://nas:3003".parse().unwrap()]),
            ..Layer::default()
        };
        let environment = |name: &str| (name == "HOME").then(|| "/home/u".into());
        let settings = Settings::resolve(flags, None, &environment).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, template(&settings)).unwrap();
        assert_eq!(Settings::resolve(Layer::default(), Some(&file), &environment).unwrap(), settings);

        // Every key that is only a comment is a valid one.
        let uncommented: String = template(&settings)
            .lines()
            .map(|line| {
                let key = line.strip_prefix("# ").filter(|line| line.split(' ').nth(1) == Some("="));
                format!("{}\n", key.unwrap_or(line))
            })
            .collect();
        std::fs::write(&file, uncommented).unwrap();
        Settings::resolve(Layer::default(), Some(&file), &environment).unwrap();
    }
}
