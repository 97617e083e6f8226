use super::*;

const KEY: Key<'static> =
    Key { symbol: "A/B", interval: "1M", request: "http://x/v1/market/kline?symbol=A%2FB" };

fn bars() -> Vec<RestBar> {
    fn number(text: &str) -> Exact {
        Exact::parse(text).unwrap()
    }
    let bar = |time_ms, quote_volume: Option<&str>| RestBar {
        time_ms,
        open: number("1.50"),
        high: number("2"),
        low: number("-1"),
        close: number("0.000000000000000000001"),
        volume: number("7"),
        quote_volume: quote_volume.map(number),
        open_interest: None,
    };
    vec![bar(60_000, Some("9.9")), bar(120_000, None)]
}

fn file(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let file = files.next().unwrap();
    assert_eq!(files.next(), None);
    file
}

#[track_caller]
fn check_damaged(found: Found, words: &str) {
    let Found::Damaged(_, reason) = found else { panic!("{found:?}") };
    assert!(reason.contains(words), "{reason}");
}

#[test]
fn what_was_kept_is_found_to_the_last_digit() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("made")).unwrap();
    assert!(matches!(store.find(KEY), Found::Nothing));
    for bars in [bars(), Vec::new()] {
        store.keep(KEY, &bars).unwrap();
        let Found::Bars(found) = store.find(KEY) else { panic!("nothing") };
        assert_eq!(found, bars);
    }
    let name = file(&folder.path().join("made")).file_name().unwrap().to_owned();
    let name = name.to_str().unwrap().to_owned();
    assert!(name.starts_with("A_B-1month-") && name.ends_with(".bars"), "{name}");
    let other = Key { request: "http://x/v1/market/kline?symbol=A%2FC", ..KEY };
    assert!(matches!(store.find(other), Found::Nothing));
}

#[test]
fn every_damaged_byte_and_every_cut_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.keep(KEY, &bars()).unwrap();
    let path = file(folder.path());
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert!(matches!(store.find(KEY), Found::Damaged(..)), "byte {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert!(matches!(store.find(KEY), Found::Damaged(..)), "cut at {at}");
    }
}

#[test]
fn a_file_says_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.keep(KEY, &bars()).unwrap();
    let path = file(folder.path());
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, whole.replace("60000", "60001")).unwrap();
    check_damaged(store.find(KEY), "its checksum does not fit");
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    check_damaged(store.find(KEY), "is cut off");
    fs::write(&path, render("http://y/", &bars())).unwrap();
    check_damaged(store.find(KEY), "of another request");
}
