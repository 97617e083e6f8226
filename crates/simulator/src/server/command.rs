//! What clients say: one JSON object a message, checked as strictly as the schema has it.

use serde_json::{Map, Value};

use crate::Channel;

#[derive(Debug, Eq, PartialEq)]
pub(super) enum Command {
    Subscribe(Request),
    Unsubscribe(Request),
    Ping,
}

#[derive(Debug, Eq, PartialEq)]
pub(super) struct Request {
    pub(super) channel: Channel,
    /// At least one.
    pub(super) symbols: Vec<String>,
    /// Whether a product `type` was named.
    pub(super) has_type: bool,
}

/// A message that is no command, and what to answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Refused {
    pub(super) command: &'static str,
    pub(super) code: u16,
}

const TYPES: [&str; 5] = ["stock", "indices", "crypto", "forex", "futures"];

pub(super) fn parse(text: &str) -> Result<Command, Refused> {
    let malformed = |command| Refused { command, code: MALFORMED };
    let Ok(Value::Object(message)) = serde_json::from_str(text) else {
        return Err(malformed("unknown"));
    };
    let command = match message.get("cmd") {
        Some(Value::String(name)) => match name.as_str() {
            "subscribe" => "subscribe",
            "unsubscribe" => "unsubscribe",
            "ping" => "ping",
            _ => return Err(Refused { command: "unknown", code: UNKNOWN_COMMAND }),
        },
        _ => return Err(malformed("unknown")),
    };
    if command == "ping" {
        let alone = message.len() == 1;
        return if alone { Ok(Command::Ping) } else { Err(malformed(command)) };
    }
    let (Some(Value::Object(data)), 2) = (message.get("data"), message.len()) else {
        return Err(malformed(command));
    };
    let request = request(data).map_err(|code| Refused { command, code })?;
    Ok(match command {
        "subscribe" => Command::Subscribe(request),
        _ => Command::Unsubscribe(request),
    })
}

/// A wrong form is malformed; a wrong value in the right form is a bad parameter.
fn request(data: &Map<String, Value>) -> Result<Request, u16> {
    let known = data.keys().all(|name| matches!(name.as_str(), "channel" | "symbols" | "type"));
    let (Some(Value::String(channel)), Some(Value::Array(symbols)), true) =
        (data.get("channel"), data.get("symbols"), known)
    else {
        return Err(MALFORMED);
    };
    let symbols: Vec<String> = symbols
        .iter()
        .map(|symbol| symbol.as_str().map(str::to_owned).ok_or(MALFORMED))
        .collect::<Result<_, _>>()?;
    let has_type = match data.get("type") {
        None => false,
        Some(Value::String(product)) if TYPES.contains(&product.as_str()) => true,
        Some(Value::String(_)) => return Err(BAD_PARAMETER),
        Some(_) => return Err(MALFORMED),
    };
    let channel = channel.parse().map_err(|_| BAD_PARAMETER)?;
    if symbols.is_empty() {
        return Err(BAD_PARAMETER);
    }
    Ok(Request { channel, symbols, has_type })
}

const BAD_PARAMETER: u16 = 2001;
const UNKNOWN_COMMAND: u16 = 4001;
const MALFORMED: u16 = 4002;

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(has_type: bool) -> Request {
        Request { channel: Channel::Depth, symbols: vec!["AAPL.US".to_owned()], has_type }
    }

    #[track_caller]
    fn check(text: &str, expected: Command) {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }

    #[track_caller]
    fn check_refused(text: &str, command: &'static str, code: u16) {
        assert_eq!(parse(text), Err(Refused { command, code }), "{text}");
    }

    #[test]
    fn the_documented_commands_are_known() {
        check(r#"{"cmd":"ping"}"#, Command::Ping);
        let subscribe = r#"{"cmd":"subscribe","data":{"channel":"depth","symbols":["AAPL.US"],"type":"stock"}}"#;
        check(subscribe, Command::Subscribe(depth(true)));
        let unsubscribe =
            r#"{"data":{"symbols":["AAPL.US"],"channel":"depth"},"cmd":"unsubscribe"}"#;
        check(unsubscribe, Command::Unsubscribe(depth(false)));
    }

    #[test]
    fn an_unknown_command_is_4001() {
        check_refused(r#"{"cmd":"login"}"#, "unknown", 4001);
        check_refused(r#"{"cmd":"Ping"}"#, "unknown", 4001);
    }

    #[test]
    fn a_wrong_form_is_4002() {
        for text in ["", "ping", "[]", "{}", r#"{"cmd":1}"#] {
            check_refused(text, "unknown", 4002);
        }
        check_refused(r#"{"cmd":"ping","id":1}"#, "ping", 4002);
        for data in [
            r#"{"channel":"depth"}"#,
            r#"{"symbols":["A"]}"#,
            r#"{"channel":"depth","symbols":"A"}"#,
            r#"{"channel":"depth","symbols":[1]}"#,
            r#"{"channel":"depth","symbols":["A"],"type":1}"#,
            r#"{"channel":"depth","symbols":["A"],"id":1}"#,
            "[]",
        ] {
            check_refused(&format!(r#"{{"cmd":"subscribe","data":{data}}}"#), "subscribe", 4002);
        }
        check_refused(r#"{"cmd":"unsubscribe"}"#, "unsubscribe", 4002);
    }

    #[test]
    fn a_wrong_value_is_2001() {
        for data in [
            r#"{"channel":"kline","symbols":["A"]}"#,
            r#"{"channel":"depth","symbols":[]}"#,
            r#"{"channel":"depth","symbols":["A"],"type":"bond"}"#,
        ] {
            check_refused(&format!(r#"{{"cmd":"subscribe","data":{data}}}"#), "subscribe", 2001);
        }
    }
}
