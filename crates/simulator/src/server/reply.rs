//! What the server says besides data.

use std::io::Write;

use crate::PongForm;

/// Writes the reply to a command, with the code's usual text. `data` is JSON text.
pub(super) fn write(out: &mut Vec<u8>, command: &str, code: u16, data: Option<&str>) {
    write_message(out, command, (code, message(code)), data);
}

/// Writes the reply to a command, with a text of its own.
pub(super) fn write_message(
    out: &mut Vec<u8>,
    command: &str,
    (code, message): (u16, &str),
    data: Option<&str>,
) {
    write!(out, r#"{{"cmd":"{command}","code":{code},"message":"{message}""#)
        .expect("a vector takes everything");
    if let Some(data) = data {
        out.extend_from_slice(br#","data":"#);
        out.extend_from_slice(data.as_bytes());
    }
    out.push(b'}');
}

pub(super) fn write_pong(out: &mut Vec<u8>, form: PongForm, timestamp_ms: u64) {
    let middle = match form {
        PongForm::Full => r#","code":0,"message":"pong""#,
        PongForm::DataOnly => "",
    };
    write!(out, r#"{{"cmd":"pong"{middle},"data":{{"timestamp":{timestamp_ms}}}}}"#)
        .expect("a vector takes everything");
}

/// The text of a code: the vendor's where it gives one.
pub(crate) const fn message(code: u16) -> &'static str {
    match code {
        0 => "success",
        1001 => "Invalid or expired token",
        1002 => "Token is required",
        1003 => "IP address not in whitelist",
        1004 => "Permission denied",
        2001 => "Invalid parameter",
        2002 => "Symbol not found",
        2003 => "Invalid time range",
        2004 => "Limit too large",
        3001 => "Rate limit exceeded",
        3002 => "Quota exceeded",
        3003 => "Too many connections",
        3004 => "Too many subscriptions",
        4001 => "Unknown command",
        4002 => "Invalid message format",
        4003 => "Depth subscriptions temporarily unavailable",
        4004 => "Trade subscriptions temporarily unavailable",
        5000 => "Internal error",
        5001 => "Data source unavailable",
        5002 => "Service unavailable",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl Fn(&mut Vec<u8>), expected: &str) {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn replies_are_the_documented_ones() {
        check(
            |out| write(out, "subscribe", 0, Some("{}")),
            r#"{"cmd":"subscribe","code":0,"message":"success","data":{}}"#,
        );
        check(
            |out| write(out, "subscribe", 4002, None),
            r#"{"cmd":"subscribe","code":4002,"message":"Invalid message format"}"#,
        );
        check(
            |out| write(out, "unknown", 4001, None),
            r#"{"cmd":"unknown","code":4001,"message":"Unknown command"}"#,
        );
        check(
            |out| write_pong(out, PongForm::Full, 1_768_976_158_541),
            r#"{"cmd":"pong","code":0,"message":"pong","data":{"timestamp":1768976158541}}"#,
        );
        check(
            |out| write_pong(out, PongForm::DataOnly, 5),
            r#"{"cmd":"pong","data":{"timestamp":5}}"#,
        );
    }
}
