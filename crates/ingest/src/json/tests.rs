//! What is read of a text, and that both parsers read the same.

use proptest::prelude::*;

use super::*;

fn read_root<T>(text: &str, read: impl Fn(Value<'_, '_>) -> T) -> Result<T, DecodeError> {
    Json::new().read(text.as_bytes(), |root| Ok(read(root)))
}

#[test]
fn members_are_found_in_any_order_and_null_is_absent() {
    let text = r#"{"a":{"x":[1,{"y":2}]},"b":"t","n":null,"b":"second","t":true,"i":-3}"#;
    read_root(text, |root| {
        assert_eq!(root.need_text("b"), Ok("t"), "of duplicate keys the first one counts");
        assert!(root.get("n").is_none());
        assert_eq!(root.get("t").and_then(Value::truth), Some(true));
        assert_eq!(root.get("i").and_then(Value::integer), Some(-3));
        assert_eq!(root.get("i").and_then(Value::whole), None);
        let items: Vec<_> = root.get("a").unwrap().get("x").unwrap().items().unwrap().collect();
        assert_eq!(items[0].whole(), Some(1));
        assert_eq!(items[1].need_whole("y"), Ok(2));
        assert_eq!(root.need_text("q"), Err(DecodeError::MissingField { field: "q" }));
        assert_eq!(root.need_text("i"), Err(DecodeError::WrongType { field: "i" }));
    })
    .unwrap();
}

#[test]
fn what_is_not_json_is_malformed() {
    let deep = "[".repeat(100_000);
    for text in ["", "{", "{\"a\":}", "nul", "[1,]", "\u{0}", &deep] {
        assert_eq!(read_root(text, |_| ()), Err(DecodeError::Malformed), "{text:.20}");
    }
}

#[test]
fn a_bare_number_keeps_its_text_in_the_second_reading() {
    let text = br#"{"p":0.1000000000000000055,"s":"a\\\"-1","l":[[1e-7,2],[-3]]}"#;
    let texts = Json::new()
        .read(text, |root| {
            let mut texts = vec![root.need("p")?.decimal("p")?.to_vec()];
            for pair in root.need("l")?.items().expect("an array") {
                for item in pair.items().expect("an array") {
                    texts.push(item.decimal("l")?.to_vec());
                }
            }
            assert_eq!(root.need_text("s"), Ok("a\\\"-1"));
            Ok(texts)
        })
        .unwrap();
    assert_eq!(texts, [&b"0.1000000000000000055"[..], b"1e-7", b"2", b"-3"]);
}

#[test]
fn quoted_numbers_are_read_once_with_their_digits() {
    let mut runs = 0;
    let text = br#"{"p":0.50930100,"n":18446744073709551615,"t":true,"i":-3,"s":"1e5"}"#;
    Json::new()
        .read_quoted(text, |root| {
            runs += 1;
            assert_eq!(root.need("p")?.decimal("p")?, b"0.50930100");
            assert_eq!(root.need_whole("n"), Ok(u64::MAX));
            assert_eq!(root.get("t").and_then(Value::truth), Some(true));
            assert_eq!(root.get("i").and_then(Value::integer), Some(-3));
            assert_eq!(root.need_text("s"), Ok("1e5"));
            Ok(())
        })
        .unwrap();
    assert_eq!(runs, 1);
}

/// All that can be read of a value.
fn all_of(value: Value<'_, '_>, target: &mut String) {
    if let Some(members) = value.members() {
        target.push('{');
        for (name, member) in members {
            target.push_str(name);
            all_of(member, target);
        }
        target.push('}');
    } else if let Some(items) = value.items() {
        target.push('[');
        items.for_each(|it| all_of(it, target));
        target.push(']');
    } else {
        let (whole, integer) = (value.whole(), value.integer());
        let (text, truth) = (value.text(), value.truth());
        let decimal = value.decimal("d");
        target.push_str(&format!("{whole:?} {integer:?} {text:?} {truth:?} {decimal:?} "));
        target.push_str(if value.is_null() { "null;" } else { ";" });
    }
}

fn read_all(text: &[u8], parsers: Parsers, numbers: Numbers) -> (Option<String>, Tally) {
    let mut json = Json::new();
    json.set_parsers(parsers);
    let read = json.parse(text, numbers, &mut |root| {
        let mut all = String::new();
        all_of(root, &mut all);
        Ok(all)
    });
    (read.ok(), json.tally())
}

#[track_caller]
fn check_parsers(text: &[u8]) -> Tally {
    let mut tally = Tally::default();
    for numbers in [Numbers::Quoted, Numbers::Typed] {
        let (scanned, of_scan) = read_all(text, Parsers::ScanFirst, numbers);
        let (general, _) = read_all(text, Parsers::General, numbers);
        assert_eq!(scanned, general, "{numbers:?} {}", String::from_utf8_lossy(text));
        tally = of_scan;
    }
    tally
}

#[test]
fn the_scanner_takes_what_venues_write() {
    for text in [
        r#"{"e":"trade","p":"61800.30","m":true,"n":[1,-2,0.5,[]],"x":null,"o":{},"long":"d9avt8shteepr00gfc1g-4zd1x"}"#,
        r#" { "a" : [ 1 , 2 ] ,  "b":false}  "#,
        r#"{"l":[["1","2"],["3","4"],[],["5"],[ "6","7"],["8", "9"],["10","11","12"],["13",14]]}"#,
        r#"[0,"x",-0.25,123456789012345678]"#,
    ] {
        assert_eq!(check_parsers(text.as_bytes()).scanned, 1, "{text}");
    }
}

#[test]
fn the_scanner_declines_what_it_might_misread() {
    let deep = "[".repeat(40) + &"]".repeat(40);
    for text in [
        r#"{"a":"\n"}"#,
        "{\"a\":\"\u{e9}\"}",
        "{\"a\":1}\n",
        r#"{"a":1e5}"#,
        r#"{"a":12345678901234567890}"#,
        r#"{"a":-0}"#,
        "7",
        &deep,
    ] {
        assert_eq!(check_parsers(text.as_bytes()).scanned, 0, "{text}");
    }
    for text in [
        "",
        "{",
        "[1,]",
        "{\"a\":01}",
        "{\"a\" 1}",
        "[1] 2",
        "[1.]",
        "[.5]",
        "[-]",
        "[\"a]",
        "[tru]",
        "{1:2}",
    ] {
        assert_eq!(check_parsers(text.as_bytes()).scanned, 0, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn both_parsers_read_the_same(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\":", "\"61.80\"", "1", "-", "0", ".", "25", "e",
            "true", "false", "null", " ", "\n", "\\", "\\u0041", "\u{e9}", "\u{0}", "abcdefghijklmnop",
        ]), 0..24),
    ) {
        check_parsers(parts.concat().as_bytes());
        check_parsers(format!("[{}]", parts.join(",")).as_bytes());
        check_parsers(format!("{{\"k\":\"{}\"}}", parts.concat()).as_bytes());
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut json = Json::new();
        let read = json.read(&text, |root| {
            root.get("a");
            Err::<(), _>(DecodeError::BareNumber)
        });
        prop_assert!(read.is_err());
    }

    #[test]
    fn quoting_numbers_changes_nothing_else(numbers in proptest::collection::vec(any::<i32>(), 0..9)) {
        let text = format!("{{\"k\":{numbers:?},\"t\":\"1,-2\"}}");
        let read = Json::new().read(text.as_bytes(), |root| {
            root.need("k")?.items().expect("an array").map(|it| it.decimal("k").map(<[u8]>::to_vec)).collect::<Result<Vec<_>, _>>()
        }).unwrap();
        let expected: Vec<_> = numbers.iter().map(|it| it.to_string().into_bytes()).collect();
        prop_assert_eq!(read, expected);
    }
}
