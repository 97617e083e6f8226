use std::str::FromStr;

use super::answer::envelope;
use crate::server::http::response;

/// What is answered in place of a good answer, once. As text `WHAT@REQUEST`, requests counted from 1:
/// `429:2@3` (HTTP 429 with `Retry-After: 2`), `429@3` (without), `5000@1` (that code), `503@1` (that
/// HTTP status), `garbage@2` (no JSON), `slow:500@4` (a good answer, 500 ms late).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RestFault {
    /// The request that meets it.
    pub(super) request: u32,
    what: What,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum What {
    TooMany { retry_after_s: Option<u32> },
    Status(u16),
    Code(u16),
    Garbage,
    Slow { delay_ms: u64 },
}

/// A text that is no fault.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is no fault: expected 429[:SECONDS]@REQUEST, STATUS@REQUEST, CODE@REQUEST, \
     garbage@REQUEST or slow:MS@REQUEST, requests counted from 1"
)]
pub struct RestFaultError(String);

impl RestFault {
    /// The answer that stands in for a good one.
    pub(super) fn answer(&self) -> Option<Vec<u8>> {
        Some(match self.what {
            What::TooMany { retry_after_s } => {
                response(429, &envelope(3001, "null"), retry_after_s)
            }
            What::Status(status) => response(status, "", None),
            What::Code(code) => response(200, &envelope(code, "null"), None),
            What::Garbage => response(200, "<html>no JSON</html>", None),
            What::Slow { .. } => return None,
        })
    }

    /// How late a good answer comes.
    pub(super) const fn slow_ms(&self) -> Option<u64> {
        match self.what {
            What::Slow { delay_ms } => Some(delay_ms),
            _ => None,
        }
    }
}

impl FromStr for RestFault {
    type Err = RestFaultError;

    fn from_str(text: &str) -> Result<Self, RestFaultError> {
        let parse = || {
            let (what, request) = text.rsplit_once('@')?;
            let request = request.parse().ok().filter(|&it| it > 0)?;
            let what = match what.split_once(':') {
                Some(("429", seconds)) => {
                    What::TooMany { retry_after_s: Some(seconds.parse().ok()?) }
                }
                Some(("slow", delay_ms)) => What::Slow { delay_ms: delay_ms.parse().ok()? },
                Some(_) => return None,
                None if what == "garbage" => What::Garbage,
                None => match what.parse().ok()? {
                    429 => What::TooMany { retry_after_s: None },
                    status @ 400..=599 => What::Status(status),
                    code @ 1_000..=9_999 => What::Code(code),
                    _ => return None,
                },
            };
            Some(Self { request, what })
        };
        parse().ok_or_else(|| RestFaultError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_what_and_when() {
        let fault = |what| Ok(RestFault { request: 3, what });
        assert_eq!("429:2@3".parse(), fault(What::TooMany { retry_after_s: Some(2) }));
        assert_eq!("429@3".parse(), fault(What::TooMany { retry_after_s: None }));
        assert_eq!("503@3".parse(), fault(What::Status(503)));
        assert_eq!("5000@3".parse(), fault(What::Code(5_000)));
        assert_eq!("garbage@3".parse(), fault(What::Garbage));
        assert_eq!("slow:500@3".parse(), fault(What::Slow { delay_ms: 500 }));
        for text in ["", "429", "429@0", "429@x", "1@1", "fast@1", "slow@1", "503:1@1"] {
            let error = text.parse::<RestFault>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is no fault")), "{error}");
        }
    }
}
