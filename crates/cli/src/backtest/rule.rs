//! From flags to a rule, and a rule in words.

use tickring_backtest::{Costs, Fill, Rule, Shorts, Size};
use tickring_strategy::{Strategy, builtin};

use crate::args::{FillName, RuleArgs};
use crate::exit::Failure;

/// The rule that the flags ask for; `symbols` are those that were named.
pub(crate) fn rule(args: &RuleArgs, symbols: usize) -> Rule {
    let shares = u32::try_from(symbols.max(1)).unwrap_or(u32::MAX);
    Rule {
        cash: args.cash,
        size: args.size.map_or_else(|| Size::Equity(1.0 / f64::from(shares)), |it| it.0),
        fill: match args.fill {
            FillName::NextOpen => Fill::NextOpen,
            FillName::Close => Fill::Close,
        },
        costs: Costs {
            notional_bps: args.cost_bps,
            per_fill: args.cost_fill,
            slippage_bps: args.slippage_bps,
        },
        shorts: if args.allow_short { Shorts::Allowed } else { Shorts::Flat },
        bars_a_year: args.bars_a_year,
    }
}

/// The parameters that are meant for a strategy, checked to be `NAME=VALUE`, or `STRATEGY.NAME=VALUE`
/// for one among several.
///
/// # Errors
/// One has no `=`, or is of a strategy that is not tried.
pub(crate) fn params(args: &RuleArgs, strategy: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut own = Vec::new();
    for param in &args.params {
        let Some((name, value)) = param.split_once('=') else {
            let words = format!("--param: `{param}` is not NAME=VALUE, such as fast=10");
            return Err(Failure::usage(words));
        };
        let name = match name.split_once('.') {
            None => name,
            Some((of, name)) if of == strategy => name,
            Some((of, _)) if args.strategies.iter().any(|it| it == of) => continue,
            Some((of, _)) => {
                let words = format!("--param: `{param}` is for `{of}`, which is not tried");
                return Err(Failure::usage(words));
            }
        };
        own.push((name.to_owned(), value.to_owned()));
    }
    Ok(own)
}

/// A built-in strategy with parameters.
///
/// # Errors
/// It has none of these, or is not built in.
pub(crate) fn with_params(
    strategy: &str,
    params: &[(String, String)],
) -> Result<Box<dyn Strategy>, Failure> {
    let borrowed: Vec<_> = params.iter().map(|(name, it)| (name.as_str(), it.as_str())).collect();
    builtin::by_name_with(strategy, &borrowed)
        .map_err(|error| Failure::usage(format!("--param: {error}")))
}

/// The rule in words, one line each: what, and how.
pub(crate) fn words(rule: &Rule) -> Vec<(&'static str, String)> {
    let Rule { cash, size, fill, costs, shorts, .. } = *rule;
    let Costs { notional_bps, per_fill, slippage_bps } = costs;
    let size = match size {
        Size::Equity(share) => format!("{} % of the equity at the fill", number(share * 100.0)),
        Size::Notional(money) => format!("{} of money", number(money)),
        Size::Quantity(units) => format!("{} units", number(units)),
    };
    let fill = match fill {
        Fill::NextOpen => "at the next bar's open",
        Fill::Close => "at the close of the bar that led to it, which nobody could have traded",
    };
    let shorts = match shorts {
        Shorts::Flat => "none: a target below zero is flat",
        Shorts::Allowed => "allowed",
    };
    vec![
        ("cash", number(cash)),
        ("position", format!("target times {size}; worth no more than the equity")),
        ("fills", fill.to_owned()),
        ("short", shorts.to_owned()),
        ("fees", format!("{} bps and {} a fill", number(notional_bps), number(per_fill))),
        ("slippage", format!("{} bps against you", number(slippage_bps))),
    ]
}

/// A number with as many decimals as it has, six at most.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
