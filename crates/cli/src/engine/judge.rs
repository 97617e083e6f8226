//! What the end of a run means: its exit code, and the words that go with it.

use tickring_ingest::{End, SourceError};
use tickring_metrics::Report;

use crate::exit::Exit;

/// What asked a run to stop, as far as it was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// Nobody, or nobody but a strategy that failed under `--on-fault stop`.
    No,
    /// `--duration` was over.
    Duration,
    /// A signal came.
    Interrupt,
}

/// The exit code and, where something went wrong, the words. The worst thing decides.
pub(super) fn judge(
    report: &Report,
    end: &End,
    asked: Asked,
    strict: bool,
    output_error: Option<String>,
) -> (Exit, Option<String>) {
    let words = |text: &str| Some(text.to_owned());
    match end {
        End::Failed(error) => {
            let exit = match error {
                SourceError::Configuration(_) => Exit::Usage,
                SourceError::Recorded(_) => Exit::InputOutput,
                _ => Exit::Refused,
            };
            (exit, Some(error.to_string()))
        }
        End::RingFull => (Exit::Lost, words("the ring was full and --on-full is `fail`")),
        End::Ended | End::Stopped if !report.drained => {
            (Exit::Undrained, words("not everything was handled at the deadline"))
        }
        End::Ended | End::Stopped if strict && has_lost(report) => {
            (Exit::Lost, words("data was lost and --strict is on"))
        }
        End::Ended | End::Stopped if let Some(words) = difference(report) => {
            (Exit::Fault, Some(words))
        }
        End::Ended | End::Stopped if output_error.is_some() => (Exit::InputOutput, output_error),
        End::Stopped if asked == Asked::No => {
            (Exit::Fault, Some(format!("--on-fault is `stop` and {}", fault(report))))
        }
        End::Stopped if asked == Asked::Interrupt => (Exit::Interrupted, None),
        End::Ended | End::Stopped => (Exit::Done, None),
    }
}

/// A book that is not what its venue's own top of book says, where that must be the same.
fn difference(report: &Report) -> Option<String> {
    report.books.iter().flatten().find_map(|(symbol, book)| {
        let check = book.top_check.as_ref().filter(|it| it.by == "number")?;
        let difference = check.first_difference.as_ref()?;
        let count = check.compared - check.agreed;
        Some(format!("--verify-top: {count} books of {symbol} differ; the first {difference}"))
    })
}

/// Which strategy failed, and how.
fn fault(report: &Report) -> String {
    let failed = report.strategies.iter().find_map(|it| Some((&it.name, it.culprit.as_ref()?)));
    failed.map_or_else(
        || "a strategy failed".to_owned(),
        |(name, culprit)| format!("strategy `{name}` {culprit}"),
    )
}

fn has_lost(report: &Report) -> bool {
    let loss = &report.loss;
    let is_cut = report.recorded.as_ref().is_some_and(|it| !it.cut.is_empty());
    let unrecorded = report.capture.as_ref().map_or(0, |it| it.entries_missing);
    loss.gaps + loss.dropped + loss.missing + report.decode_errors.total + unrecorded > 0 || is_cut
}

#[cfg(test)]
mod tests {
    use tickring_metrics::StrategyReport;

    use super::*;

    #[track_caller]
    fn check(end: &End, asked: Asked, change: impl FnOnce(&mut Report), expected: Exit) {
        let mut report = Report { drained: true, ..Report::default() };
        change(&mut report);
        let (exit, words) = judge(&report, end, asked, true, None);
        assert_eq!(exit, expected);
        assert_eq!(words.is_none(), matches!(expected, Exit::Done | Exit::Interrupted));
    }

    #[test]
    fn the_worst_that_happened_decides() {
        check(&End::Ended, Asked::No, |_| (), Exit::Done);
        check(&End::Stopped, Asked::Duration, |_| (), Exit::Done);
        check(&End::Stopped, Asked::Interrupt, |_| (), Exit::Interrupted);
        check(&End::Stopped, Asked::No, |_| (), Exit::Fault);
        check(&End::Stopped, Asked::Interrupt, |it| it.loss.gaps = 1, Exit::Lost);
        check(&End::Ended, Asked::No, |it| it.decode_errors.total = 1, Exit::Lost);
        check(&End::Stopped, Asked::Interrupt, |it| it.drained = false, Exit::Undrained);
        check(&End::RingFull, Asked::No, |it| it.drained = false, Exit::Lost);
        let refused = End::Failed(SourceError::Refused("no".to_owned()));
        check(&refused, Asked::No, |_| (), Exit::Refused);
        let configuration = End::Failed(SourceError::Configuration("no".to_owned()));
        check(&configuration, Asked::No, |_| (), Exit::Usage);
    }

    #[test]
    fn who_failed_is_named() {
        let mut report = Report { drained: true, ..Report::default() };
        let failed = StrategyReport {
            name: "mine".to_owned(),
            culprit: Some("panicked at event 7 of AAPL.US: no".to_owned()),
            ..StrategyReport::default()
        };
        report.strategies = vec![StrategyReport::default(), failed];
        let (_, words) = judge(&report, &End::Stopped, Asked::No, false, None);
        let expected =
            "--on-fault is `stop` and strategy `mine` panicked at event 7 of AAPL.US: no";
        assert_eq!(words.as_deref(), Some(expected));
    }

    #[test]
    fn loss_is_an_error_only_when_asked_for() {
        let mut report = Report { drained: true, ..Report::default() };
        report.loss.gaps = 1;
        assert_eq!(judge(&report, &End::Ended, Asked::No, false, None), (Exit::Done, None));
    }

    #[test]
    fn output_that_could_not_be_written_is_an_error() {
        let report = Report { drained: true, ..Report::default() };
        let (exit, words) =
            judge(&report, &End::Ended, Asked::No, false, Some("disk full".to_owned()));
        assert_eq!((exit, words.as_deref()), (Exit::InputOutput, Some("disk full")));
    }
}
