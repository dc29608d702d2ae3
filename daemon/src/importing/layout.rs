//! Where in the upload folder a file goes: a template such as `YYYY/YYYY-MM-DD/NAME`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::Deserialize;

use crate::pipeline::names::is_ignored_folder;

/// Where files without a date go, in place of the folders that would have it in their names.
const UNDATED: &str = "undated";

/// The longest name of a folder, in bytes. A date is as long as what stands for it.
const LONGEST: usize = 255;

/// A template of paths below the upload folder. Its last part is always the file's own name.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Layout {
    folders: Vec<String>,
}

impl Default for Layout {
    fn default() -> Self {
        Self { folders: vec!["YYYY".into(), "YYYY-MM-DD".into()] }
    }
}

/// Why a template is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LayoutError {
    /// It must end in the file's name.
    #[error("it must end in NAME, as in YYYY/YYYY-MM-DD/NAME")]
    NoName,
    /// A folder that cannot be one, or that is not looked into.
    #[error("\"{0}\" cannot be a folder of photos")]
    Folder(String),
}

impl FromStr for Layout {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut folders: Vec<String> = text.split('/').map(str::to_owned).collect();
        if folders.pop().as_deref() != Some("NAME") {
            return Err(LayoutError::NoName);
        }
        let is_none = |folder: &&String| {
            !(1..=LONGEST).contains(&folder.len())
                || folder.contains("NAME")
                || folder.chars().any(char::is_control)
                || is_ignored_folder(folder.as_bytes())
        };
        match folders.iter().find(is_none) {
            Some(folder) => Err(LayoutError::Folder(folder.clone())),
            None => Ok(Self { folders }),
        }
    }
}

impl TryFrom<String> for Layout {
    type Error = LayoutError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.folders.iter().try_for_each(|folder| write!(f, "{folder}/"))?;
        f.write_str("NAME")
    }
}

impl Layout {
    /// The folders of a file taken on this day, outermost first.
    pub fn folders(&self, day: Option<Date>) -> Vec<String> {
        // A year before the first has another number of digits, and no photo.
        let Some(day) = day.filter(|day| day.year() >= 0) else { return self.undated() };
        let of_day = |folder: &String| {
            folder
                .replace("YYYY", &format!("{:04}", day.year()))
                .replace("MM", &format!("{:02}", day.month()))
                .replace("DD", &format!("{:02}", day.day()))
        };
        self.folders.iter().map(of_day).collect()
    }

    fn undated(&self) -> Vec<String> {
        let has_date = |folder: &String| ["YYYY", "MM", "DD"].iter().any(|part| folder.contains(part));
        let mut folders: Vec<String> = Vec::new();
        for folder in &self.folders {
            let folder = if has_date(folder) { UNDATED } else { folder };
            if folder != UNDATED || !folders.iter().any(|known| known == UNDATED) {
                folders.push(folder.to_owned());
            }
        }
        folders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_where_the_template_says() {
        let day = Some("2024-05-01".parse().unwrap());
        for (template, dated, undated) in [
            ("YYYY/YYYY-MM-DD/NAME", "2024/2024-05-01", "undated"),
            ("Photos/YYYY/MM/NAME", "Photos/2024/05", "Photos/undated"),
            ("NAME", "", ""),
        ] {
            let layout: Layout = template.parse().unwrap();
            assert_eq!(layout.folders(day).join("/"), dated);
            assert_eq!(layout.folders(None).join("/"), undated);
            assert_eq!(layout.to_string(), template);
        }
        assert_eq!(Layout::default().to_string(), "YYYY/YYYY-MM-DD/NAME");
    }

    #[test]
    fn a_template_leads_to_where_photos_are_looked_for() {
        assert_eq!("YYYY".parse::<Layout>(), Err(LayoutError::NoName));
        for template in
            ["../NAME", "/NAME", "a//NAME", ".galleryfs/NAME", "NAME/NAME", "@eaDir/NAME", "./NAME"]
        {
            assert!(matches!(template.parse::<Layout>(), Err(LayoutError::Folder(_))), "{template}");
        }
        let long = |length| format!("{}/NAME", "x".repeat(length)).parse::<Layout>();
        assert!(long(255).is_ok() && long(256).is_err(), "no disk has a folder of such a name");
    }
}
