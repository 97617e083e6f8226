//! `tickring fetch`: from TickDB's REST interface into a file.

mod pages;
mod progress;
mod rows;
mod table;

use tickring_ingest::rest::RestClient;
use tickring_metrics::Clock;

use self::pages::Pages;
use self::progress::Watcher;
use self::rows::Fetched;
use self::table::Place;
use crate::args::{FetchArgs, FetchFormat, FetchWhat, Format, LogLevel};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::{self, Talk};
use crate::{rest, settings};

/// Runs the command.
pub(crate) fn run(args: &FetchArgs) -> Exit {
    match fetch(args) {
        Ok(()) => Exit::Done,
        Err(Failure { exit, message }) => {
            Talk::new(args.log).say(LogLevel::Error, message);
            exit
        }
    }
}

/// What is fetched, after a look at all that cannot work.
struct Plan {
    symbols: Vec<String>,
    place: Place,
    /// Where pages are kept until the file is whole.
    pages: Option<Pages>,
    now_ms: u64,
}

fn fetch(args: &FetchArgs) -> Result<(), Failure> {
    let talk = Talk::new(args.log);
    let clock = Clock::new();
    let mut config = rest::config(&args.rest, &clock)?;
    let plan = plan(args, config.now_ms, talk)?;
    config.now_ms = plan.now_ms;
    if let Some(pages) = &plan.pages {
        config.cache = Some(pages.folder().to_owned());
    }
    let interrupt = Interrupt::listen()?;
    let watcher = Watcher::new(args.log);
    let client = rest::client(config, clock, interrupt.clone())?;
    let mut client = client.telling(watcher.ear());
    let fetched = write(args, &plan, &mut client, &watcher, &interrupt)?;
    drop(client);
    watcher.end();
    if let Some(pages) = plan.pages {
        pages.remove();
    }
    report(args, &plan.place, &fetched, &watcher)
}

fn plan(args: &FetchArgs, now_ms: u64, talk: Talk) -> Result<Plan, Failure> {
    let symbols = settings::symbols(&args.symbols)?;
    let needs_symbols = !matches!(args.what, FetchWhat::Symbols | FetchWhat::Intervals);
    if needs_symbols && symbols.is_empty() {
        return Err(Failure::usage("no symbols: give --symbols or SUBSCRIBED_SYMBOLS"));
    }
    if let Some(twice) = symbols.iter().enumerate().find(|(at, it)| symbols[..*at].contains(it)) {
        return Err(Failure::usage(format!("--symbols: `{}` is given twice", twice.1)));
    }
    if let (Some(start), Some(end)) = (args.start, args.end)
        && start > end
    {
        return Err(Failure::usage("--start: is after --end"));
    }
    if args.what != FetchWhat::Bars && (args.start.is_some() || args.end.is_some()) {
        return Err(Failure::usage("--start and --end: of bars alone"));
    }
    let path = Some(args.out.clone()).filter(|it| it.as_os_str() != "-");
    let ending = args.out.extension().and_then(|it| it.to_str()).unwrap_or_default();
    let format = args.format.unwrap_or(match ending {
        "parquet" => FetchFormat::Parquet,
        "ndjson" | "jsonl" => FetchFormat::Ndjson,
        _ => FetchFormat::Csv,
    });
    let place = Place { path, format, is_replaced: args.force };
    rows::check(&place)?;
    let mut plan = Plan { symbols, place, pages: None, now_ms };
    if let (FetchWhat::Bars, Some(path), None) = (args.what, &plan.place.path, &args.rest.cache) {
        let pages = Pages::open(path, now_ms, &asked(args, &plan.symbols))?;
        if pages.is_resumed() {
            let (folder, began) = (pages.folder().display(), rows::time(pages.began_ms()));
            let words = format!("goes on from the pages in {folder}, as of {began}");
            talk.say(LogLevel::Info, format!("{words}; remove them to begin anew"));
        }
        // What was asked for then is asked for again, and no more.
        plan.now_ms = pages.began_ms();
        plan.pages = Some(pages);
    }
    Ok(plan)
}

/// What makes two fetches the same, in a line.
fn asked(args: &FetchArgs, symbols: &[String]) -> String {
    let FetchArgs { interval, limit, start, end, .. } = args;
    format!("{} {interval} {limit:?} {start:?} {end:?}", symbols.join(","))
}

fn write(
    args: &FetchArgs,
    plan: &Plan,
    client: &mut RestClient,
    watcher: &Watcher,
    interrupt: &Interrupt,
) -> Result<Fetched, Failure> {
    let mut fetched = Fetched::begin(&plan.place, args.what)?;
    if plan.symbols.is_empty() || matches!(args.what, FetchWhat::Symbols | FetchWhat::Intervals) {
        fetched.list(args, client)?;
    }
    let end_ms = args.end.or_else(|| plan.pages.is_some().then_some(plan.now_ms));
    for symbol in plan.symbols.iter().filter(|_| args.what != FetchWhat::Symbols) {
        if interrupt.is_asked() {
            return Err(Failure::new(Exit::Interrupted, "interrupted: no file was written"));
        }
        watcher.begin(symbol, args.limit);
        fetched.symbol(args, client, symbol, end_ms)?;
    }
    fetched.finish()
}

fn report(
    args: &FetchArgs,
    place: &Place,
    fetched: &Fetched,
    watcher: &Watcher,
) -> Result<(), Failure> {
    let text = match args.report {
        Format::Text => fetched.to_text(place, watcher),
        Format::Json => fetched.to_json(place, watcher),
    };
    if place.path.is_none() {
        Talk::new(args.log).say(LogLevel::Info, text.trim_end());
        return Ok(());
    }
    output::report(&text)
}
