//! The address of an inference server.

use std::str::FromStr;

use serde::Deserialize;

/// `http://nas:3003`: where a server answers that speaks Immich's `/predict`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct ServerUrl(pub String);

impl FromStr for ServerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        match host {
            Some(host)
                if !host.is_empty() && !host.starts_with('/') && !text.contains(char::is_whitespace) =>
            {
                Ok(Self(text.trim_end_matches('/').to_owned()))
            }
            _ => Err(format!("`{text}` is no address of a server, as in http://nas:3003")),
        }
    }
}

impl TryFrom<String> for ServerUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_scheme_and_host() {
        assert_eq!("http://nas:3003/".parse(), Ok(ServerUrl("http://nas:3003".into())));
        for wrong in ["nas:3003", "http://", "http:///x", "http://a b", "ftp://nas", ""] {
            assert!(wrong.parse::<ServerUrl>().is_err(), "{wrong}");
        }
    }
}
