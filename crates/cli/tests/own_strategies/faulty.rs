//! Strategies that fail: what becomes of them, and that the others do not notice.

use libtest_mimic::{Failed, Trial};
use tickring_cli::Strategies;
use tickring_event::MarketEvent;
use tickring_strategy::{Context, Strategy, StrategyError};

use crate::{Ran, entry, replay, test};

/// The event at which they fail.
const FAULT_AT: u64 = 1_000;

/// Fails at one event in a way that is up to `fail`.
struct Faulty {
    name: &'static str,
    fail: fn(attempt: u32) -> Result<(), StrategyError>,
    attempts: u32,
}

impl Strategy for Faulty {
    fn name(&self) -> &str {
        self.name
    }

    fn on_event(&mut self, event: &MarketEvent, _: &mut Context<'_>) -> Result<(), StrategyError> {
        if event.sequence != FAULT_AT {
            return Ok(());
        }
        self.attempts += 1;
        (self.fail)(self.attempts)
    }
}

fn panics(_: u32) -> Result<(), StrategyError> {
    panic!("this strategy panics on purpose")
}

fn fails(_: u32) -> Result<(), StrategyError> {
    Err(StrategyError::Fatal("this strategy fails on purpose"))
}

fn recovers(attempt: u32) -> Result<(), StrategyError> {
    if attempt < 3 { Err(StrategyError::Transient("not yet")) } else { Ok(()) }
}

fn never_recovers(_: u32) -> Result<(), StrategyError> {
    Err(StrategyError::Transient("never"))
}

pub(crate) fn register(strategies: Strategies) -> Strategies {
    let with = |strategies: Strategies, name, fail| {
        strategies.with(name, move || Faulty { name, fail, attempts: 0 })
    };
    let strategies = with(strategies, "panics", panics);
    let strategies = with(strategies, "fails", fails);
    let strategies = with(strategies, "recovers", recovers);
    with(strategies, "never-recovers", never_recovers)
}

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("a_panic_stops_one_strategy_and_is_named", || is_contained("panics")),
        test("a_fatal_error_stops_one_strategy_and_is_named", || is_contained("fails")),
        test("what_never_works_is_given_up_and_counted", given_up),
        test("a_panic_on_one_worker_stops_that_worker_alone", one_worker),
        test("what_works_at_the_third_try_counts_as_handled", third_try),
        test("a_fault_ends_the_run_where_it_is_told_to", stops),
    ]
}

fn is_contained(name: &str) -> Result<(), Failed> {
    let Ran { code, report, err } = replay(&format!("audit,{name}"), &[])?;
    assert_eq!(code, Some(0), "{err}");
    let published = &report["events"]["published"];
    let (audit, faulty) = (entry(&report, "audit"), entry(&report, name));
    assert_eq!(&audit["handled"], published, "{err}");
    assert_eq!((&audit["quarantined"], &audit["errors"]), (&false.into(), &0.into()));
    assert_eq!((&faulty["quarantined"], &faulty["errors"]), (&true.into(), &1.into()));
    assert_eq!(faulty["handled"], FAULT_AT, "the events before the fault");
    let skipped = published.as_u64().map(|it| it - FAULT_AT);
    assert_eq!(faulty["skipped"].as_u64(), skipped, "the fault and all after it");
    let culprit = faulty["culprit"].to_string();
    assert!(culprit.contains(&format!("at event {FAULT_AT} of ")), "{culprit}");
    assert!(culprit.contains("this strategy"), "{culprit}");
    assert!(err.contains(&format!("{name} failed and is quarantined")), "{err}");
    Ok(())
}

fn given_up() -> Result<(), Failed> {
    let Ran { code, report, err } = replay("never-recovers", &[])?;
    assert_eq!(code, Some(0), "{err}");
    let given_up = entry(&report, "never-recovers");
    assert_eq!((&given_up["errors"], &given_up["skipped"]), (&1.into(), &1.into()));
    assert_eq!(given_up["quarantined"], false);
    assert!(given_up["retries"].as_u64() > Some(0));
    let handled = report["events"]["published"].as_u64().map(|it| it - 1);
    assert_eq!(given_up["handled"].as_u64(), handled, "it goes on with the next event");
    Ok(())
}

fn one_worker() -> Result<(), Failed> {
    let Ran { code, report, err } = replay("panics", &["--workers", "3"])?;
    assert_eq!(code, Some(0), "{err}");
    let workers = report["strategies"].as_array().ok_or("no strategies")?;
    let quarantined = workers.iter().filter(|it| it["quarantined"] == true).count();
    assert_eq!((workers.len(), quarantined), (3, 1), "{workers:?}");
    let sum: u64 = workers
        .iter()
        .flat_map(|it| [&it["handled"], &it["skipped"]])
        .filter_map(serde_json::Value::as_u64)
        .sum();
    assert_eq!(Some(sum), report["events"]["published"].as_u64());
    Ok(())
}

fn third_try() -> Result<(), Failed> {
    let Ran { code, report, err } = replay("recovers", &[])?;
    assert_eq!(code, Some(0), "{err}");
    let recovers = entry(&report, "recovers");
    assert_eq!(recovers["handled"], report["events"]["published"]);
    assert_eq!((&recovers["retries"], &recovers["skipped"]), (&2.into(), &0.into()));
    Ok(())
}

fn stops() -> Result<(), Failed> {
    let Ran { code, report, err } = replay("null,panics", &["--on-fault", "stop"])?;
    assert_eq!(code, Some(1), "{err}");
    let words = format!("strategy `panics` panicked at event {FAULT_AT} of ");
    assert!(err.contains(&words), "{err}");
    assert_eq!(entry(&report, "null")["handled"], report["events"]["published"]);
    assert_eq!(entry(&report, "panics")["quarantined"], true);
    Ok(())
}
