//! `tickring simulate`: a venue on loopback, TickDB-compatible or recorded.

mod rest;

use std::net::{Ipv4Addr, SocketAddr};

use tickring_metrics::Clock;
use tickring_simulator::{
    Cuts, Feed, KeyCheck, RecordedReport, Restarts, Simulator, SimulatorConfig, SimulatorError,
    SimulatorReport, VenueReport,
};

use crate::args::{Format, LogLevel, SimulateArgs};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::{self, Talk};
use crate::settings;

/// Instruments of the simulated market where none are named.
pub(crate) const SYMBOLS: [&str; 4] = ["AAPL.US", "NVDA.US", "700.HK", "BTCUSDT"];

/// How long a recording waits for the request whose answer comes next in it.
const GET_WAIT_MS_MAX: u64 = 5_000;

/// Runs the command.
pub(crate) fn run(args: &SimulateArgs) -> Exit {
    match simulate(args) {
        Ok(exit) => exit,
        Err(Failure { exit, message }) => {
            Talk::new(args.talk.log).say(LogLevel::Error, message);
            exit
        }
    }
}

fn simulate(args: &SimulateArgs) -> Result<Exit, Failure> {
    if args.rest.rest {
        return rest::simulate(args);
    }
    let talk = Talk::new(args.talk.log);
    let mut simulator =
        Simulator::bind(config(args)?).map_err(|error| simulator_failure(&error))?;
    let interrupt = Interrupt::listen()?;
    let clock = Clock::new();
    let url = format!("ws://{}/v1/realtime", simulator.local_addr());
    if args.venue.is_none() {
        talk.say(LogLevel::Info, format!("listening: TICKDB_WS_URL={url}"));
    }
    if let Some(venue) = args.venue {
        let name = venue.name();
        let words = format!(
            "listening for `tickring run --venue {name} --url ws://{address}{rest}`",
            address = simulator.local_addr(),
            rest = if venue.has_rest() {
                format!(" --rest-url http://{}", simulator.local_addr())
            } else {
                String::new()
            }
        );
        talk.say(LogLevel::Info, words);
    } else if !args.sessions.is_empty() {
        let words = "any path leads to the recording; each connection in it waits for a client";
        talk.say(LogLevel::Info, words);
    }
    let start = clock.ticks();
    let report = simulator
        .run(&|| clock.elapsed_ns(start, clock.ticks()), &interrupt.flag())
        .map_err(|error| simulator_failure(&error))?;
    let text = match args.talk.format {
        Format::Text => text(&report),
        Format::Json => json(&report),
    };
    end(&text, &interrupt)
}

/// Says what a venue has served.
fn end(text: &str, interrupt: &Interrupt) -> Result<Exit, Failure> {
    output::report(text)?;
    Ok(if interrupt.is_asked() { Exit::Interrupted } else { Exit::Done })
}

fn config(args: &SimulateArgs) -> Result<SimulatorConfig, Failure> {
    let feed = if let Some(protocol) = args.venue {
        Feed::Venue {
            protocol,
            paths: args.sessions.clone(),
            speed: args.speed,
            start_after: args.start_after,
            get_wait_ms_max: GET_WAIT_MS_MAX,
        }
    } else if !args.sessions.is_empty() {
        Feed::Recorded {
            paths: args.sessions.clone(),
            speed: args.speed,
            start_after_commands: args.start_after,
        }
    } else if args.files.is_empty() {
        let mut symbols = settings::symbols(&args.symbols)?;
        if symbols.is_empty() {
            symbols = SYMBOLS.map(str::to_owned).to_vec();
        }
        Feed::Generated { symbols, profile: args.profile, seed: args.seed }
    } else {
        Feed::Session { paths: args.files.clone(), speed: args.speed }
    };
    let mut config = SimulatorConfig::new(feed);
    config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    config.frames_max = args.count;
    config.duration_ms = args.duration.map(milliseconds);
    config.start_after_subscriptions = args.start_after.unwrap_or(config.start_after_subscriptions);
    config.restarts =
        Restarts { count: args.restarts, down_ms: milliseconds(args.down), every_frames: None };
    config.faults.cuts = Cuts { count: args.cuts, ..Cuts::default() };
    config.faults.age_ms_max = args.age.map(milliseconds);
    if let Some(key) = &args.key {
        config.api_key = KeyCheck::Exactly(key.clone());
    }
    Ok(config)
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Which exit code a simulator's error deserves.
pub(super) fn simulator_failure(error: &SimulatorError) -> Failure {
    let exit = match error {
        SimulatorError::Config(_)
        | SimulatorError::Symbol { .. }
        | SimulatorError::NotLoopback { .. } => Exit::Usage,
        _ => Exit::InputOutput,
    };
    Failure::new(exit, error.to_string())
}

fn text(report: &SimulatorReport) -> String {
    if let Some(recorded) = &report.recorded {
        return recorded_text(report, recorded);
    }
    if let Some(venue) = &report.venue {
        return venue_text(report, venue);
    }
    let SimulatorReport {
        connections,
        frames_numbered,
        frames_sent,
        frames_while_away,
        restarts,
        bytes_sent,
        bytes_undelivered,
        ..
    } = report;
    format!(
        "{frames_numbered} messages numbered, {frames_sent} sent ({bytes_sent} bytes) over \
         {connections} connections, {frames_while_away} while nobody was there, {restarts} \
         restarts, {bytes_undelivered} bytes undelivered"
    )
}

fn recorded_text(report: &SimulatorReport, recorded: &RecordedReport) -> String {
    let SimulatorReport { connections, frames_sent, bytes_sent, behind_ns_max, .. } = report;
    let RecordedReport { commands, commands_missing, disconnects, holes, is_complete } = recorded;
    let end = if *is_complete { "the whole recording" } else { "a part of the recording" };
    format!(
        "{end}: {frames_sent} frames sent ({bytes_sent} bytes) over {connections} connections, \
         {disconnects} closed as recorded, {commands} commands came, {commands_missing} recorded \
         ones did not, {holes} holes passed over, {} us behind at worst, {} bytes undelivered",
        behind_ns_max / 1_000,
        report.bytes_undelivered
    )
}

fn venue_text(report: &SimulatorReport, venue: &VenueReport) -> String {
    let SimulatorReport { connections, frames_sent, bytes_sent, .. } = report;
    let end = if venue.is_complete { "the whole recording" } else { "a part of the recording" };
    format!(
        "{end}: {} frames played, {frames_sent} sent ({bytes_sent} bytes) over {connections} \
         connections, {} nobody's, {} undelivered; {} commands and {} HTTP requests answered, {} \
         refused; connections cut {} times",
        venue.frames_played,
        venue.frames_unclaimed,
        venue.frames_undelivered,
        venue.commands,
        venue.gets,
        venue.gets_refused,
        venue.cuts,
    )
}

fn venue_json(venue: &VenueReport) -> serde_json::Value {
    serde_json::json!({
        "commands": venue.commands,
        "frames_played": venue.frames_played,
        "frames_unclaimed": venue.frames_unclaimed,
        "frames_undelivered": venue.frames_undelivered,
        "cuts": venue.cuts,
        "notices": venue.notices,
        "gets": venue.gets,
        "gets_refused": venue.gets_refused,
        "gets_missing": venue.gets_missing,
        "holes": venue.holes,
        "is_complete": venue.is_complete,
    })
}

fn json(report: &SimulatorReport) -> String {
    let numbers: Vec<_> = report
        .last_numbers
        .iter()
        .map(|it| {
            serde_json::json!({
                "symbol": it.symbol, "channel": it.channel.name(), "number": it.number,
            })
        })
        .collect();
    let recorded = report.recorded.map(|it| {
        serde_json::json!({
            "commands": it.commands,
            "commands_missing": it.commands_missing,
            "disconnects": it.disconnects,
            "holes": it.holes,
            "is_complete": it.is_complete,
        })
    });
    serde_json::json!({
        "schema_version": 1,
        "command": "simulate",
        "connections": report.connections,
        "connections_refused": report.connections_refused,
        "subscriptions": report.subscriptions,
        "refused": report.refused,
        "pings": report.pings,
        "restarts": report.restarts,
        "frames_numbered": report.frames_numbered,
        "frames_sent": report.frames_sent,
        "frames_while_away": report.frames_while_away,
        "frames_withheld": report.frames_withheld,
        "bytes_sent": report.bytes_sent,
        "bytes_undelivered": report.bytes_undelivered,
        "behind_ns_max": report.behind_ns_max,
        "last_numbers": numbers,
        "recorded": recorded,
        "venue": report.venue.as_ref().map(venue_json),
    })
    .to_string()
}
