use serde_json::Value;

/// Whether a client's text is a sign of life that asks for nothing else, in the words of any venue:
/// `ping`, `{"cmd":"ping"}`, `{"op":"ping","req_id":"7"}`, `{"pong":1}`.
///
/// A client sends them when it likes, so they stand for no recorded command.
pub(super) fn is_keep_alive(text: &[u8]) -> bool {
    if text.len() > KEEP_ALIVE_SIZE_MAX {
        return false;
    }
    if is_word(text) {
        return true;
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(text) else { return false };
    let names = NAMES.iter().filter_map(|&name| members.get(name)?.as_str());
    WORDS.iter().any(|&word| members.contains_key(word)) || names.map(str::as_bytes).any(is_word)
}

fn is_word(text: &[u8]) -> bool {
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
}

const WORDS: [&str; 2] = ["ping", "pong"];
/// Members in which venues name a command.
const NAMES: [&str; 5] = ["cmd", "op", "method", "event", "type"];
const KEEP_ALIVE_SIZE_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: bool) {
        assert_eq!(is_keep_alive(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn pings_and_pongs_of_every_venue_are_signs_of_life() {
        for text in [
            "ping",
            r#"{"cmd":"ping"}"#,
            r#"{"req_id":"100001","op":"ping"}"#,
            r#"{"event":"ping","reqid":42}"#,
            r#"{"method":"ping","req_id":101}"#,
            r#"{"id":"1545910590801","type":"ping"}"#,
            r#"{"pong":1492420473027}"#,
        ] {
            check(text, true);
        }
    }

    #[test]
    fn what_asks_for_something_is_none() {
        for text in [
            "",
            "[\"ping\"]",
            r#"{"cmd":"subscribe","data":{"channel":"ticker","symbols":["ping"]}}"#,
            r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#,
        ] {
            check(text, false);
        }
        check(&format!(r#"{{"cmd":"ping","data":"{}"}}"#, "x".repeat(KEEP_ALIVE_SIZE_MAX)), false);
    }
}
