//! `tickring simulate --rest`: TickDB's REST interface on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use tickring_metrics::Clock;
use tickring_simulator::{
    KeyCheck, RestEndpoint, RestFeed, RestForm, RestOrder, RestReport, RestServer,
    RestServerConfig, RestShape,
};

use super::{milliseconds, simulator_failure};
use crate::args::{Format, LogLevel, RestOptions, RestShapeName, SimulateArgs};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Talk;
use crate::settings;

/// Instruments of which bars are made up where none are named.
const SYMBOLS: [&str; 5] = ["AAPL.US", "MSFT.US", "NVDA.US", "700.HK", "BTCUSDT"];

/// Serves until it is told to stop.
pub(super) fn simulate(args: &SimulateArgs) -> Result<Exit, Failure> {
    let talk = Talk::new(args.talk.log);
    let mut server = RestServer::bind(config(args)?).map_err(|error| simulator_failure(&error))?;
    let interrupt = Interrupt::listen()?;
    let words = format!("listening: TICKDB_REST_URL=http://{}", server.local_addr());
    talk.say(LogLevel::Info, words);
    let clock = Clock::new();
    let start = clock.ticks();
    let report = server
        .run(&|| clock.elapsed_ns(start, clock.ticks()), &interrupt.flag())
        .map_err(|error| simulator_failure(&error))?;
    let text = match args.talk.format {
        Format::Text => text(&report),
        Format::Json => json(&report),
    };
    super::end(&text, &interrupt)
}

fn config(args: &SimulateArgs) -> Result<RestServerConfig, Failure> {
    let RestOptions { bars, page_limit, faults, shape, newest_first, last_of_range, delay, .. } =
        &args.rest;
    let is_table = |path: &Path| path.extension().is_some_and(|it| it.eq_ignore_ascii_case("csv"));
    let feed = match args.files.as_slice() {
        [] => {
            let mut symbols = settings::symbols(&args.symbols)?;
            if symbols.is_empty() {
                symbols = SYMBOLS.map(str::to_owned).to_vec();
            }
            RestFeed::Walk { symbols, seed: args.seed, bars: *bars }
        }
        [file] if is_table(file) => RestFeed::File(file.clone()),
        files if files.iter().any(|it| is_table(it)) => {
            return Err(Failure::usage("--rest: one CSV file of bars, or recorded sessions"));
        }
        files => RestFeed::Session(files.to_vec()),
    };
    let mut config = RestServerConfig::new(feed);
    config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    config.page_rows_max = *page_limit;
    config.faults.clone_from(faults);
    config.delay_ms = milliseconds(*delay);
    config.duration_ms = args.duration.map(milliseconds);
    config.form = RestForm {
        shape: match shape {
            RestShapeName::Documented => RestShape::Documented,
            RestShapeName::Article => RestShape::Article,
            RestShapeName::Bare => RestShape::Bare,
        },
        order: if *newest_first { RestOrder::Falling } else { RestOrder::Rising },
        endpoint: if *last_of_range { RestEndpoint::End } else { RestEndpoint::Start },
    };
    if let Some(key) = &args.key {
        config.api_key = KeyCheck::Exactly(key.clone());
    }
    Ok(config)
}

fn text(report: &RestReport) -> String {
    let RestReport { answered, refused, faults, bars, .. } = report;
    format!("{answered} requests answered with {bars} bars, {refused} refused, {faults} faults")
}

fn json(report: &RestReport) -> String {
    let RestReport { answered, refused, faults, bars, paths } = report;
    serde_json::json!({
        "schema_version": 1,
        "command": "simulate",
        "answered": answered,
        "refused": refused,
        "faults": faults,
        "bars": bars,
        "paths": paths,
    })
    .to_string()
}
