//! Where a connection goes: the URL taken apart, with the key in its place.

use std::fmt;

use tungstenite::http::Uri;

use crate::live::{ApiKey, Redactor, percent_decode, percent_encode};

/// A URL that can be connected to. `Debug` and [`Endpoint::name`] hold no key.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// The whole URL, key included: for the request alone.
    request: Uri,
    /// Host without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Whether the connection is encrypted.
    pub(crate) security: Security,
    /// What must not be shown.
    pub(crate) redactor: Redactor,
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Security {
    /// `ws://`
    Plain,
    /// `wss://`
    Tls,
}

impl Endpoint {
    /// Takes `url` apart and puts `key` into its query as `parameter`, in place of one that is
    /// there already.
    ///
    /// # Errors
    /// What is wrong with the URL, in words without the URL.
    pub(crate) fn new(url: &str, key: Option<&ApiKey>, parameter: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("the URL is not valid: {error}"))?;
        let (security, port) = match uri.scheme_str() {
            Some("ws") => (Security::Plain, 80),
            Some("wss") => (Security::Tls, 443),
            _ => return Err("the URL must begin with ws:// or wss://".to_owned()),
        };
        let authority = uri.authority().map_or("", |it| it.as_str());
        if authority.contains('@') {
            return Err("the URL holds a user name, which WebSocket venues do not take; \
                        give the API key by its own setting"
                .to_owned());
        }
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err("the URL names no host".to_owned());
        }
        let mut redactor = Redactor::default();
        let query = query(uri.query().unwrap_or_default(), key, parameter, &mut redactor);
        let scheme = uri.scheme_str().unwrap_or_default();
        let request = format!("{scheme}://{authority}{}{query}", uri.path())
            .parse()
            .map_err(|error| format!("the URL is not valid: {error}"))?;
        Ok(Self {
            request,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(port),
            security,
            redactor,
        })
    }

    /// Host and port, for people.
    pub(crate) fn name(&self) -> String {
        let brackets = self.host.contains(':');
        let (open, close) = if brackets { ("[", "]") } else { ("", "") };
        format!("{open}{}{close}:{}", self.host, self.port)
    }

    /// The whole URL with the key: for the request alone, never for people.
    pub(crate) fn request(&self) -> Uri {
        self.request.clone()
    }
}

/// The query to send, with its question mark, and in `redactor` every key that was seen.
fn query(present: &str, key: Option<&ApiKey>, parameter: &str, redactor: &mut Redactor) -> String {
    let mut parts = Vec::new();
    for part in present.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if percent_decode(name) == parameter {
            redactor.hide(&ApiKey::new(percent_decode(value)));
            if key.is_some() || value.is_empty() {
                continue;
            }
        }
        parts.push(part.to_owned());
    }
    if let Some(key) = key {
        redactor.hide(key);
        parts.push(format!("{parameter}={}", percent_encode(key.expose())));
    }
    if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Endpoint").field(&self.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, key: Option<&str>, request: &str, name: &str) {
        let key = key.map(ApiKey::new);
        let endpoint = Endpoint::new(url, key.as_ref(), "api_key").unwrap();
        assert_eq!(endpoint.request().to_string(), request);
        assert_eq!(endpoint.name(), name);
        assert!(!endpoint.redactor.redact(request).contains("s3c/ret"));
        assert!(!endpoint.redactor.redact(request).contains("s3c%2Fret"));
        assert!(!format!("{endpoint:?}").contains("s3c"));
    }

    #[test]
    fn the_key_is_appended_percent_encoded() {
        check("ws://h/v1", Some("s3c/ret"), "ws://h/v1?api_key=s3c%2Fret", "h:80");
        check("wss://h:8443", Some("s3c/ret"), "wss://h:8443/?api_key=s3c%2Fret", "h:8443");
        check("wss://h?", None, "wss://h/", "h:443");
    }

    #[test]
    fn a_query_that_is_there_stays() {
        check(
            "wss://h/p?channel=depth&symbol=A",
            Some("s3c/ret"),
            "wss://h/p?channel=depth&symbol=A&api_key=s3c%2Fret",
            "h:443",
        );
        check("ws://[::1]:9/p?a=1&&b", None, "ws://[::1]:9/p?a=1&b", "[::1]:9");
    }

    #[test]
    fn a_key_inside_the_url_is_a_key_and_gives_way_to_a_configured_one() {
        check("ws://h/p?api_key=s3c/ret&b=2", None, "ws://h/p?api_key=s3c/ret&b=2", "h:80");
        check("ws://h/p?api_key=s3c%2Fret", None, "ws://h/p?api_key=s3c%2Fret", "h:80");
        check(
            "ws://h/p?api_key=old&b=2",
            Some("s3c/ret"),
            "ws://h/p?b=2&api_key=s3c%2Fret",
            "h:80",
        );
        check("ws://h/p?api_key=&b=2", None, "ws://h/p?b=2", "h:80");
    }
}
