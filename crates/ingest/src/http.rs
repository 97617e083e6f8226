//! Requests over HTTP, as every part of the crate makes them: one kind of client, one set of limits.

use std::io::Read;
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, http};

use crate::live::Roots;

/// Time to be connected; as TickDB's own examples have it.
const CONNECT: Duration = Duration::from_millis(3_050);

/// Time until the answer begins, and again until it is complete.
const READ: Duration = Duration::from_secs(10);

/// A client that follows no redirect and takes no status for an error.
pub(crate) fn agent(roots: &Roots) -> Agent {
    Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(READ))
        .timeout_recv_body(Some(READ))
        .max_redirects(0)
        .http_status_as_error(false)
        .tls_config(TlsConfig::builder().root_certs(root_certs(roots)).build())
        .build()
        .into()
}

/// Whether `url` can be the base of requests; in words, what it must be.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    let uri: http::Uri =
        url.parse().map_err(|error| format!("the REST URL is not valid: {error}"))?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_plain = uri.authority().is_some_and(|it| !it.as_str().contains('@'));
    if is_web && is_plain && uri.query().is_none() {
        return Ok(());
    }
    let words = "the REST URL must be http:// or https:// and a host, without user name or query";
    Err(words.to_owned())
}

/// How long an answer's `Retry-After` says to stay away, where it says so in seconds.
pub(crate) fn retry_after_s(answer: &http::Response<Body>) -> Option<u64> {
    let retry_after = answer.headers().get("retry-after").and_then(|it| it.to_str().ok());
    retry_after.and_then(|it| it.trim().parse().ok())
}

/// The body of an answer; in words, why there is none.
pub(crate) fn body_text(
    answer: http::Response<Body>,
    body_bytes_max: u64,
) -> Result<String, String> {
    let mut body = String::new();
    let mut reader = answer.into_body().into_reader().take(body_bytes_max + 1);
    reader.read_to_string(&mut body).map_err(|error| error.to_string())?;
    if body.len() as u64 > body_bytes_max {
        return Err(format!("the answer has more than the {body_bytes_max} bytes allowed"));
    }
    Ok(body)
}

fn root_certs(roots: &Roots) -> RootCerts {
    let specific = |certificates: &[Vec<u8>]| {
        let own = certificates.iter().map(|it| Certificate::from_der(it).to_owned());
        RootCerts::new_with_certs(&own.collect::<Vec<_>>())
    };
    match roots {
        Roots::Bundled => RootCerts::WebPki,
        Roots::Given(certificates) => specific(certificates),
        Roots::System => {
            let loaded = rustls_native_certs::load_native_certs().certs;
            let certificates: Vec<_> = loaded.iter().map(|it| it.to_vec()).collect();
            if certificates.is_empty() { RootCerts::WebPki } else { specific(&certificates) }
        }
    }
}
