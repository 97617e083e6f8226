//! A backtest as one JSON object.

use serde_json::{Value, json};
use tickring_backtest::{Costs, Curve, Fill, InstrumentResult, Rule, Shorts, Size, Tested, Trade};

use super::{Done, NOT_MODELLED, StrategyDone};

/// Version of the object.
const SCHEMA_VERSION: u32 = 1;

/// The object as text.
pub(crate) fn json(done: &Done) -> String {
    let Done { source, run_hash, events, wall_ns, memory_bytes_max, strategies } = done;
    json!({
        "schema_version": SCHEMA_VERSION,
        "command": "backtest",
        "run_hash": run_hash,
        "source": source,
        "engine": {
            "events": events,
            "wall_ns": wall_ns,
            "memory_bytes_max": memory_bytes_max,
        },
        "strategies": strategies.iter().map(strategy).collect::<Vec<_>>(),
        "warnings": done.warnings(),
        "not_modelled": NOT_MODELLED,
    })
    .to_string()
}

fn strategy(done: &StrategyDone) -> Value {
    let StrategyDone { params, tested } = done;
    let params: serde_json::Map<_, _> =
        params.iter().map(|(name, it)| (name.clone(), it.as_str().into())).collect();
    let trade = |it: &Trade| trade(it, tested);
    json!({
        "name": tested.strategy,
        "params": params,
        "rule": rule(&tested.rule),
        "interval_ns": tested.interval_ns,
        "start_time_ns": tested.start_ns,
        "end_time_ns": tested.end_ns,
        "bars": tested.bars,
        "statistics": statistics(tested),
        "instruments": tested.instruments.iter().map(instrument).collect::<Vec<_>>(),
        "trades": tested.listed.iter().map(trade).collect::<Vec<_>>(),
        "trades_unlisted": tested.unlisted,
        "equity": curve(&tested.equity_curve),
    })
}

fn rule(rule: &Rule) -> Value {
    let Rule { cash, size, fill, costs, shorts, bars_a_year } = *rule;
    let Costs { notional_bps, per_fill, slippage_bps } = costs;
    let (of, amount) = match size {
        Size::Equity(share) => ("equity", share),
        Size::Notional(money) => ("notional", money),
        Size::Quantity(units) => ("quantity", units),
    };
    json!({
        "cash": cash,
        "size": { "of": of, "amount": amount },
        "fill": match fill {
            Fill::NextOpen => "next-open",
            Fill::Close => "close",
        },
        "cost_bps": notional_bps,
        "cost_per_fill": per_fill,
        "slippage_bps": slippage_bps,
        "allows_short": shorts == Shorts::Allowed,
        "bars_a_year": bars_a_year,
    })
}

fn statistics(tested: &Tested) -> Value {
    let equity = &tested.equity;
    let trades = &tested.trades;
    json!({
        "equity_end": equity.equity,
        "total_return": equity.total_return,
        "annual_return": equity.annual_return,
        "annual_volatility": equity.annual_volatility,
        "sharpe": equity.sharpe,
        "sortino": equity.sortino,
        "drawdown_max": equity.drawdown_max,
        "drawdown_steps_max": equity.drawdown_steps_max,
        "drawdown_ns_max": equity.drawdown_ns_max,
        "steps": equity.steps,
        "span_ns": equity.span_ns,
        "bars_a_year": equity.bars_a_year,
        "exposure": equity.exposure,
        "equity_mean": equity.equity_mean,
        "trades": trades.count,
        "trades_won": trades.won,
        "win_rate": tested.win_rate(),
        "profit_gross": trades.profit_gross,
        "loss_gross": trades.loss_gross,
        "profit_factor": tested.profit_factor(),
        "fills": tested.fills,
        "fills_cut": tested.fills_cut,
        "fees": tested.fees,
        "slippage": tested.slippage,
        "turnover": tested.turnover,
        "turnover_share": tested.turnover_share(),
        "ruined_time_ns": tested.ruined_ns,
    })
}

fn instrument(it: &InstrumentResult) -> Value {
    json!({
        "symbol": it.symbol,
        "bars": it.bars,
        "price_return": it.price_return,
        "trades": it.trades.count,
        "trades_won": it.trades.won,
        "profit": it.trades.profit_gross - it.trades.loss_gross,
        "open_profit": it.open_profit,
        "fees": it.fees,
    })
}

fn trade(it: &Trade, tested: &Tested) -> Value {
    json!({
        "symbol": symbol(it, tested),
        "side": if it.direction > 0.0 { "long" } else { "short" },
        "entry_time_ns": it.entry_time_ns,
        "exit_time_ns": it.exit_time_ns,
        "quantity": it.quantity,
        "entry_price": it.entry_price,
        "exit_price": it.exit_price,
        "profit": it.profit,
        "profit_share": it.profit_share(),
        "fees": it.fees,
        "bars": it.bars,
    })
}

/// The spelling of what was traded.
pub(super) fn symbol<'a>(trade: &Trade, tested: &'a Tested) -> &'a str {
    let of_it = tested.instruments.iter().find(|it| it.index == trade.instrument.index());
    of_it.map_or("", |it| &it.symbol)
}

fn curve(curve: &Curve) -> Value {
    let points = curve.points().iter().map(|it| json!([it.time_ns, it.min, it.max, it.last]));
    json!({
        "steps_per_point": curve.steps_per_point(),
        "columns": ["time_ns", "min", "max", "last"],
        "points": points.collect::<Vec<_>>(),
    })
}
