use proptest::prelude::*;
use tickring_event::Instruments;

use super::*;

/// All that is asked for of an object in these tests.
#[derive(Debug, Default, PartialEq)]
struct Told<'text> {
    name: Option<&'text str>,
    price: Option<&'text [u8]>,
    count: Option<u64>,
    is_buy: Option<bool>,
}

fn read(text: &str) -> Option<Told<'_>> {
    let (mut told, mut price) = (Told::default(), None::<NumberText<'_>>);
    let mut text = Scanner::new(text.as_bytes());
    text.enter()?;
    while text.is_inside()? {
        let place = text.place();
        text.member(b"name", &mut told.name)?;
        text.member(b"p", &mut price)?;
        text.member(b"n", &mut told.count)?;
        text.member(b"buy", &mut told.is_buy)?;
        text.pass_over(place)?;
    }
    told.price = price.map(NumberText::text);
    text.is_at_end().then_some(told)
}

#[test]
fn members_are_read_in_any_order_and_others_are_passed_over() {
    let expected =
        Told { name: Some("BTC"), price: Some(b"0.10"), count: Some(3), is_buy: Some(true) };
    for text in [
        r#"{"name":"BTC","p":"0.10","n":3,"buy":true}"#,
        r#"{"buy":true,"n":"3","p":0.10,"name":"BTC"}"#,
        r#"{"x":{},"n":3,"name":"BTC","nn":[1,{"p":null}],"buy":true,"y":-0.5,"p":"0.10","z":"p"}"#,
    ] {
        assert_eq!(read(text), Some(Told { ..expected }), "{text}");
        // Every cut of it is declined.
        for len in 0..text.len() {
            assert_eq!(read(&text[..len]), None, "{}", &text[..len]);
        }
    }
}

#[test]
fn what_is_not_as_expected_is_declined() {
    for text in [
        "{}",
        r#"{"n":1,}"#,
        r#"{,"n":1}"#,
        r#"{"n":1 }"#,
        r#"{"n": 1}"#,
        r#"{"n":1}}"#,
        r#"{"n":1"p":"2"}"#,
        r#"{"n":1,"n":1}"#,
        r#"{"n":1,"x":2,"n":3}"#,
        r#"{"n":null}"#,
        r#"{"n":-1}"#,
        r#"{"n":01}"#,
        r#"{"n":"1}"#,
        r#"{"n":12345678901234567}"#,
        r#"{"n":1.5}"#,
        r#"{"n":1e5}"#,
        r#"{"p":1e5}"#,
        r#"{"p":.5}"#,
        r#"{"p":5.}"#,
        r#"{"p":00.5}"#,
        r#"{"p":-}"#,
        r#"{"buy":tru}"#,
        r#"{"buy":"true"}"#,
        r#"{"name":"B\u0041"}"#,
        r#"{"na\u006de":"B"}"#,
        "{\"name\":\"B\u{e9}\"}",
        "{\"name\":\"B\n\"}",
        "{\"x\":\"0123456789abcdef\u{7f}\u{80}\"}",
        r#"{"x":[1,]}"#,
        r#"{"x":[1}}"#,
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn texts_and_numbers_of_every_length_are_read_wherever_the_text_ends() {
    for len in 0..40 {
        let name = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop".get(..len).unwrap();
        for behind in ["", r#","x":"a long one behind it""#] {
            let text = format!(r#"{{"name":"{name}"{behind}}}"#);
            assert_eq!(read(&text), Some(Told { name: Some(name), ..Told::default() }), "{text}");
        }
    }
    for digits in 1..=16 {
        let count: u64 = "9081726354453627"[..digits].parse().unwrap();
        for text in [format!(r#"{{"n":{count}}}"#), format!(r#"{{"n":{count},"x":"behind it"}}"#)] {
            assert_eq!(read(&text), Some(Told { count: Some(count), ..Told::default() }), "{text}");
        }
    }
}

#[test]
fn levels_are_pairs_and_what_follows_in_them_is_passed_over() {
    let levels = |text: &str| {
        let mut levels = Vec::new();
        let mut text = Scanner::new(text.as_bytes());
        text.items(|text| {
            let (price, quantity) = text.pair()?;
            levels
                .push([price, quantity].map(|it| String::from_utf8_lossy(it.text()).into_owned()));
            Some(())
        })?;
        text.is_at_end().then_some(levels.concat().join(" "))
    };
    assert_eq!(levels("[]").as_deref(), Some(""));
    assert_eq!(
        levels(r#"[["1.5","2"],["3","0",1,"x"],[-4,5.0]]"#).as_deref(),
        Some("1.5 2 3 0 -4 5.0")
    );
    for text in [r#"[["1"]]"#, r#"[["1","2"]"#, r#"[["1","2"],]"#, r#"["1","2"]"#, "[[1,2,]]"] {
        assert_eq!(levels(text), None, "{text}");
    }
}

#[test]
fn a_level_is_the_numbers_of_its_pair_however_it_is_written() {
    let instruments = Instruments::new();
    let id = instruments.register("A", b"1.5", b"1").unwrap();
    let instrument = instruments.instrument(id).unwrap();
    let numbers =
        ["1", "1.5", "0.00000000", "12345678.87654321", "123456789.5", "0.1234567890", "-2"];
    let tails = ["]", ",\"0\",\"4\"]", ",1]", ",{}]", "", "],[", "\"]"];
    for (price, quantity) in numbers.iter().flat_map(|it| numbers.map(|other| (*it, other))) {
        for head in [
            format!("[\"{price}\",\"{quantity}\""),
            format!("[{price},{quantity}"),
            format!("[\"{price}\",{quantity}"),
            format!("[\"{price}\", \"{quantity}\""),
            format!("[ \"{price}\",\"{quantity}\""),
            format!("[\"{price}x\",\"{quantity}\""),
        ] {
            // At the text's end, and before it.
            for text in tails
                .iter()
                .flat_map(|it| ["", &" ".repeat(60)].map(|end| format!("{head}{it}{end}")))
            {
                let scanner = Scanner::new(text.as_bytes());
                let (mut fast, mut by_pair) = (scanner, scanner);
                let pair = by_pair.pair();
                // Levels with a sign are the general reader's.
                let expected = pair
                    .filter(|_| !text.contains('-'))
                    .and_then(|(price, quantity)| level(instrument, price, quantity));
                assert_eq!(fast.level(instrument), expected, "{text}");
                if expected.is_some() {
                    assert_eq!(fast.place(), by_pair.place(), "{text}");
                }
            }
        }
    }
}

#[test]
fn integers_may_be_negative_where_they_are_bare() {
    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        let mut scanner = Scanner::new(text.as_bytes());
        let read = scanner.integer().filter(|_| scanner.is_at_end());
        assert_eq!(read, expected, "{text}");
    }
    check("-855196043", Some(-855_196_043));
    check("855196043", Some(855_196_043));
    check("\"855196043\"", Some(855_196_043));
    check("0", Some(0));
    for text in ["\"-1\"", "-0", "-01", "--1", "-", "", "1.5", "-12345678901234567"] {
        check(text, None);
    }
}

#[test]
fn a_bare_decimal_ends_where_its_digits_end() {
    for number in
        ["0", "7", "0.0286", "74198.19125726", "123456789012.5", "-4", "10", "0.000000001"]
    {
        for behind in [",", "}", "]", "}]}                    "] {
            let text = format!("{number}{behind}");
            let mut scanner = Scanner::new(text.as_bytes());
            let read = scanner.decimal().unwrap();
            assert_eq!((read.text(), scanner.place()), (number.as_bytes(), behind.len()), "{text}");
        }
    }
    for text in ["00,", "01.5,                  ", "1.,", ".5,", "-,", "1234567890123456789,"] {
        assert!(Scanner::new(text.as_bytes()).decimal().is_none(), "{text}");
    }
}

#[test]
fn an_array_of_one_item_has_no_other() {
    for (text, expected) in
        [("[7]", Some(7)), ("[]", None), ("[7,8]", None), ("7", None), ("[7", None)]
    {
        assert_eq!(Scanner::new(text.as_bytes()).only_item(Scanner::whole), expected, "{text}");
    }
}

#[test]
fn a_string_that_another_reads_ends_where_that_one_says() {
    let read = |text: &str, len| {
        let mut scanner = Scanner::new(text.as_bytes());
        let read = scanner.quoted(|text| Some((text.first().copied()?, len)))?;
        scanner.is_at_end().then_some(read)
    };
    assert_eq!(read("\"abc\"", 3), Some(b'a'));
    for (text, len) in [("\"abc\"", 2), ("\"abc\"", 4), ("\"abc", 3), ("abc\"", 3), ("", 0)] {
        assert_eq!(read(text, len), None, "{text}");
    }
}

#[test]
fn what_was_kept_is_read_later() {
    let mut text = Scanner::new(br#"[["1","2"],["3","4"]]7"#);
    let mut kept = text.kept().unwrap();
    assert_eq!(text.whole(), Some(7));
    let mut levels = 0;
    kept.items(|level| level.pair().map(|_| levels += 1)).unwrap();
    assert_eq!(levels, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8_000))]

    #[test]
    fn what_is_passed_over_is_json(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\":", "\"61.80\"", "1", "-", "0", ".", "25", "e",
            "true", "false", "null", " ", "\n", "\\", "\u{e9}", "\u{0}", "abcdefghijklmnop",
        ]), 0..24),
    ) {
        for text in [parts.concat(), format!("[{}]", parts.join(",")), format!("{{\"k\":[{}]}}", parts.concat())] {
            let mut scanner = Scanner::new(text.as_bytes());
            if scanner.kept().is_some() && scanner.is_at_end() {
                let parsed = simd_json::to_borrowed_value(&mut text.clone().into_bytes()).is_ok();
                prop_assert!(parsed, "{}", text);
            }
        }
    }

    #[test]
    fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..60), at in 0..60_usize) {
        let scanner = Scanner::new(text.get(at..).unwrap_or_default());
        for read in [
            |it: &mut Scanner<'_>| it.kept().is_some(),
            |it: &mut Scanner<'_>| it.whole().is_some(),
            |it: &mut Scanner<'_>| it.decimal().is_some(),
            |it: &mut Scanner<'_>| it.integer().is_some(),
            |it: &mut Scanner<'_>| it.pair().is_some(),
            |it: &mut Scanner<'_>| it.string().is_some(),
            |it: &mut Scanner<'_>| it.behind_member().is_some(),
        ] {
            let mut scanner = scanner;
            read(&mut scanner);
        }
    }
}
