//! Bars of a CSV file.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::market::{Bar, Market, interval};
use crate::SimulatorError;
use crate::feed::is_symbol;
use crate::feed::line::is_number;

/// Columns that must be there, in this order.
const COLUMNS: &str = "symbol,interval,time_ms,open,high,low,close,volume";

/// Reads a file of at most so many bars.
const BARS_MAX: usize = 5_000_000;

pub(super) fn read(path: &Path) -> Result<Market, SimulatorError> {
    let failed = |words: String| SimulatorError::Bars { name: path.display().to_string(), words };
    let file = File::open(path).map_err(|error| failed(format!("cannot be opened: {error}")))?;
    let mut market = Market::default();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let number = index + 1;
        let line = line.map_err(|error| failed(format!("line {number}: {error}")))?;
        if index == 0 {
            let is_title =
                line.strip_prefix(COLUMNS).is_some_and(|it| it.is_empty() || it.starts_with(','));
            if !is_title {
                return Err(failed(format!("line 1: expected the columns {COLUMNS}")));
            }
            continue;
        }
        if number > BARS_MAX {
            return Err(failed(format!("more than {BARS_MAX} bars")));
        }
        let (symbol, interval, bar) =
            row(&line).ok_or_else(|| failed(format!("line {number}: is no bar")))?;
        market.push(symbol, interval, bar);
    }
    market.sort();
    Ok(market)
}

fn row(line: &str) -> Option<(&str, &'static str, Bar)> {
    let mut cells = line.trim_end_matches('\r').split(',');
    let symbol = cells.next().filter(|it| is_symbol(it))?;
    let interval = interval(cells.next()?)?.0;
    let time_ms = cells.next()?.parse().ok()?;
    let mut next = || cells.next().filter(|it| is_number(it)).map(str::to_owned);
    let [open, high, low, close, volume] = [next()?, next()?, next()?, next()?, next()?];
    let quote_volume = next();
    Some((symbol, interval, Bar { time_ms, open, high, low, close, volume, quote_volume }))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[track_caller]
    fn reads(text: &str) -> Result<Market, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn bars_of_a_file_are_in_order_and_each_once() {
        let text = format!("{COLUMNS}\nA,1h,7200000,1,2,0.5,1.5,9\nA,1h,3600000,1,2,0.5,1,9\n");
        let mut market = reads(&text).unwrap();
        let (bars, forming) = market.bars("A", "1h").unwrap();
        assert_eq!(bars.iter().map(|it| it.time_ms).collect::<Vec<_>>(), [3_600_000, 7_200_000]);
        assert!(forming.is_none());
    }

    #[test]
    fn what_is_no_bar_is_named_by_its_line() {
        let error = reads(&format!("{COLUMNS}\nA,1h,1,1,1,1,1\n")).unwrap_err();
        assert!(error.ends_with("line 2: is no bar"), "{error}");
        assert!(reads("time,open\n").unwrap_err().contains("line 1: expected the columns symbol,"));
    }
}
