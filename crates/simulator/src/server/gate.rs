//! The handshake's decision: who is let in, and how the others are told.

use std::sync::{Arc, OnceLock};

use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tungstenite::http::uri::PathAndQuery;
use tungstenite::http::{HeaderValue, StatusCode, header};

use super::reply;
use crate::{KeyCheck, RefusalForm};

/// What every handshake is checked against.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) key: KeyCheck,
    pub(super) form: RefusalForm,
    pub(super) retry_after_s: Option<u32>,
    pub(super) query_subscriptions: bool,
    /// Whether every path leads here.
    pub(super) any_path: bool,
}

/// What a finished handshake decided.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Admission {
    /// The code to tell the client before its connection is closed.
    pub(super) refused: Option<u16>,
    /// Path and query.
    pub(super) path: String,
    /// From the query.
    pub(super) symbols: Vec<String>,
    pub(super) channels: Vec<String>,
}

/// Checks one handshake.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) rules: Arc<Rules>,
    /// Refuse with this code, whatever the client says.
    pub(super) refuse: Option<u16>,
    /// Where the decision goes: the library hands back nothing but the connection.
    pub(super) admission: Arc<OnceLock<Admission>>,
}

impl Callback for Gate {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        let rules = &self.rules;
        let path = request.uri().path();
        let is_known = path == PATH || (rules.query_subscriptions && path == ARTICLE_PATH);
        if !rules.any_path && !is_known {
            return Err(refusal(StatusCode::NOT_FOUND, "not found", None));
        }
        let query = request.uri().query().unwrap_or_default();
        let refused = self.refuse.or_else(|| check_key(&rules.key, query));
        if let (Some(code), RefusalForm::Http) = (refused, rules.form) {
            let mut body = Vec::new();
            reply::write(&mut body, "connect", code, None);
            let body = String::from_utf8(body).expect("replies are made of text");
            return Err(refusal(status(code), &body, rules.retry_after_s));
        }
        let path = request.uri().path_and_query().map_or("", PathAndQuery::as_str).to_owned();
        let mut admission = Admission { refused, path, ..Admission::default() };
        if rules.query_subscriptions {
            admission.symbols = values(query, "symbol").collect();
            admission.channels = values(query, "channel").collect();
        }
        self.admission.set(admission).expect("a handshake asks once");
        Ok(response)
    }
}

const PATH: &str = "/v1/realtime";
/// As some client code writes it.
const ARTICLE_PATH: &str = "/v1/market/ws";

fn check_key(check: &KeyCheck, query: &str) -> Option<u16> {
    if *check == KeyCheck::Off {
        return None;
    }
    let Some(key) = values(query, "api_key").next().filter(|key| !key.is_empty()) else {
        return Some(1002);
    };
    match check {
        KeyCheck::Any | KeyCheck::Off => None,
        KeyCheck::Exactly(expected) => (key != *expected).then_some(1001),
    }
}

const fn status(code: u16) -> StatusCode {
    match code {
        1001 | 1002 => StatusCode::UNAUTHORIZED,
        1003 | 1004 => StatusCode::FORBIDDEN,
        3001..=3004 => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn refusal(status: StatusCode, body: &str, retry_after_s: Option<u32>) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(body.to_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if let Some(retry_after_s) = retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
    }
    response
}

/// The values of a query's members called `name`, in order.
fn values<'q>(query: &'q str, name: &'static str) -> impl Iterator<Item = String> + 'q {
    query.split('&').filter_map(move |member| {
        let (member_name, value) = member.split_once('=')?;
        (member_name == name).then(|| decoded(value))
    })
}

/// Without percent-encoding. What is not properly encoded stays as it is.
fn decoded(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let code = value.get(index + 1..index + 3).filter(|_| byte == b'%');
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(encoded) => {
                out.push(encoded);
                index += 3;
            }
            None => {
                out.push(byte);
                index += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_wanted_and_may_be_checked() {
        let exactly = KeyCheck::Exactly("a/b".to_owned());
        assert_eq!(check_key(&KeyCheck::Any, "api_key=x"), None);
        assert_eq!(check_key(&KeyCheck::Any, "api_key="), Some(1002));
        assert_eq!(check_key(&KeyCheck::Any, ""), Some(1002));
        assert_eq!(check_key(&KeyCheck::Off, ""), None);
        assert_eq!(check_key(&exactly, "symbol=A&api_key=a%2Fb"), None);
        assert_eq!(check_key(&exactly, "api_key=ab"), Some(1001));
    }

    #[test]
    fn queries_are_decoded_and_keep_what_is_no_code() {
        assert_eq!(decoded("a%2fb%2F"), "a/b/");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%é%4"), "%zz%é%4");
        assert_eq!(decoded("%ff"), "%ff");
        assert_eq!(values("symbol=A&symbol=B.US&x=1", "symbol").collect::<Vec<_>>(), ["A", "B.US"]);
    }
}
