"""A backtest computed again by pandas, from the bars alone, beside what tickring says of it.

    backtest_statistics.py RESULT.json BARS.csv|BARS.parquet...   compares, and exits with 1 on a difference
    backtest_statistics.py --fixture DIR                          writes bars.csv, bars.parquet, expected.json

RESULT.json is what `tickring backtest --strategy ma-cross --format json` printed for the same bars. The
moving-average cross, the position rule, every fill and every statistic are computed here from
docs/BACKTEST.md, with no code in common. Equity and trades are compared where the result lists all of
them, statistics always: each to 1e-9 of its value.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd

YEAR_NS = 365.25 * 86_400 * 1e9
UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
TOLERANCE = 1e-9
SEED = 20_240_817


def read(paths: list[str]) -> pd.DataFrame:
    """Bars of all files, in order of their ends, bars of one moment in order of their symbols' first."""
    frames = [pd.read_parquet(it) if it.endswith(".parquet") else pd.read_csv(it) for it in paths]
    bars = pd.concat(frames, ignore_index=True)
    numbers = ["open", "high", "low", "close", "volume"]
    bars[numbers] = bars[numbers].astype(float)
    length = bars["interval"].map(lambda it: int(it[:-1]) * UNITS_MS[it[-1]])
    bars["end_ns"] = (bars["time_ms"] + length) * 1_000_000
    order = {symbol: at for at, symbol in enumerate(bars["symbol"].unique())}
    bars["order"] = bars["symbol"].map(order)
    return bars.sort_values(["end_ns", "order"], kind="stable", ignore_index=True)


def targets(bars: pd.DataFrame, fast: int, slow: int, short: bool) -> pd.Series:
    """What the cross wants after each bar. Sums of whole hundred-millionths are exact."""
    units = (bars["close"] * 1e8).round()

    def of_symbol(close: pd.Series) -> pd.Series:
        quick = close.rolling(fast).sum() * slow
        calm = close.rolling(slow).sum() * fast
        wanted = np.where(quick > calm, 1.0, np.where((quick < calm) & short, -1.0, 0.0))
        return pd.Series(np.where(calm.isna(), 0.0, wanted), index=close.index)

    return units.groupby(bars["symbol"], group_keys=False).apply(of_symbol).sort_index()


class Account:
    """Cash and positions. Every fill is at an open, so positions of others are worth their last closes."""

    def __init__(self, rule: dict):
        self.rule = rule
        self.cash = rule["cash"]
        self.quantity: dict[str, float] = {}
        self.mark: dict[str, float] = {}
        self.open: dict[str, dict] = {}
        self.trades: list[dict] = []
        self.fills: list[dict] = []
        self.cut = 0

    def equity(self) -> float:
        return self.cash + sum(it * self.mark[symbol] for symbol, it in self.quantity.items())

    def fill(self, symbol: str, delta: float, price: float, time_ns: int) -> None:
        slip = self.rule["slippage_bps"] / 1e4
        paid = price * (1 + slip) if delta > 0 else price * (1 - slip)
        notional = abs(delta) * paid
        fees = notional * self.rule["cost_bps"] / 1e4 + self.rule["cost_per_fill"]
        self.cash -= delta * paid + fees
        before = self.quantity.get(symbol, 0.0)
        after = 0.0 if before == -delta else before + delta
        self.quantity[symbol] = after
        slippage = abs(paid - price) * abs(delta)
        self.fills.append({"notional": notional, "fees": fees, "slippage": slippage})
        trade = self.open.setdefault(
            symbol, {"side": math.copysign(1, delta), "entry_ns": time_ns, "flows": 0.0, "fees": 0.0}
        )
        trade["flows"] -= delta * paid
        trade["fees"] += fees
        if before == 0.0:
            trade |= {"symbol": symbol, "quantity": abs(delta), "entry_price": paid}
        if after == 0.0:
            trade |= {"exit_ns": time_ns, "exit_price": paid, "profit": trade["flows"] - trade["fees"]}
            self.trades.append(self.open.pop(symbol))

    def wish(self, symbol: str, target: float, price: float, time_ns: int) -> None:
        held = self.quantity.get(symbol, 0.0)
        if held != 0.0:
            self.fill(symbol, -held, price, time_ns)
        if target == 0.0:
            return
        rule, size = self.rule, self.rule["size"]
        side = math.copysign(1, target)
        paid = price * (1 + side * rule["slippage_bps"] / 1e4)
        each = paid * (1 + rule["cost_bps"] / 1e4)
        equity, fee = self.equity(), rule["cost_per_fill"]
        others = sum(
            abs(it) * self.mark[other] for other, it in self.quantity.items() if other != symbol
        )
        wanted = {
            "equity": (size["amount"] * equity - fee) / each,
            "notional": size["amount"] / paid,
            "quantity": size["amount"],
        }[size["of"]]
        room = (equity - others - fee) / each
        self.cut += wanted > room * (1 + 1e-9)
        quantity = max(0.0, min(wanted, room))
        if quantity > 0.0:
            self.fill(symbol, side * quantity, price, time_ns)


def run(bars: pd.DataFrame, rule: dict, params: dict) -> tuple[Account, pd.Series, pd.Series]:
    """The account at its end, the equity and whether anything was held, by step."""
    if rule["fill"] != "next-open":
        sys.exit("only --fill next-open is computed here")
    short = params.get("short", "false") == "true"
    fast, slow = int(params.get("fast", 10)), int(params.get("slow", 30))
    bars = bars.assign(target=targets(bars, fast, slow, short))
    if not rule["allows_short"]:
        bars["target"] = bars["target"].clip(lower=0.0)
    account, wished, now = Account(rule), {}, {}
    equity, exposed = {}, {}
    for end_ns, step in bars.groupby("end_ns", sort=True):
        rows = list(step.itertuples())
        for bar in rows:
            account.mark.setdefault(bar.symbol, bar.open)
            if bar.symbol in wished:
                account.wish(bar.symbol, wished.pop(bar.symbol), bar.open, bar.time_ms * 1_000_000)
        for bar in rows:
            account.mark[bar.symbol] = bar.close
            if bar.target != now.get(bar.symbol, 0.0):
                now[bar.symbol] = wished[bar.symbol] = bar.target
        equity[end_ns] = account.equity()
        exposed[end_ns] = any(account.quantity.values())
    return account, pd.Series(equity), pd.Series(exposed)


def statistics(bars: pd.DataFrame, rule: dict, account: Account, equity: pd.Series, exposed) -> dict:
    """Every figure, by the names that tickring's JSON has."""
    start_ns = int(bars["time_ms"].min()) * 1_000_000
    returns = (equity / equity.shift(fill_value=rule["cash"])) - 1
    span_ns = int(equity.index[-1]) - start_ns
    a_year = rule["bars_a_year"] or len(equity) / (span_ns / YEAR_NS)
    growth = equity.iloc[-1] / rule["cash"]
    whole = pd.concat([pd.Series({start_ns: rule["cash"]}), equity])
    peak = whole.cummax()
    below = whole < peak
    runs = below.groupby((~below).cumsum()).sum()
    fills, trades = pd.DataFrame(account.fills), pd.DataFrame(account.trades)
    profit = trades["profit"]
    won, lost = profit[profit > 0], profit[profit <= 0]
    root = math.sqrt(a_year)
    return {
        "equity_end": equity.iloc[-1],
        "total_return": growth - 1,
        "annual_return": growth ** (a_year / len(equity)) - 1,
        "annual_volatility": returns.std(ddof=1) * root,
        "sharpe": returns.mean() / returns.std(ddof=1) * root,
        "sortino": returns.mean() / math.sqrt((returns.clip(upper=0) ** 2).mean()) * root,
        "drawdown_max": (1 - whole / peak).max(),
        "drawdown_steps_max": int(runs.max()),
        "drawdown_ns_max": longest_ns(whole, below),
        "steps": len(equity),
        "span_ns": span_ns,
        "bars_a_year": a_year,
        "exposure": exposed.mean(),
        "equity_mean": equity.mean(),
        "trades": len(trades),
        "trades_won": len(won),
        "win_rate": len(won) / len(trades),
        "profit_gross": won.sum(),
        "loss_gross": -lost.sum(),
        "profit_factor": won.sum() / -lost.sum(),
        "fills": len(fills),
        "fills_cut": int(account.cut),
        "fees": fills["fees"].sum(),
        "slippage": fills["slippage"].sum(),
        "turnover": fills["notional"].sum(),
        "turnover_share": fills["notional"].sum() / equity.mean(),
    }


def longest_ns(whole: pd.Series, below: pd.Series) -> int:
    """From the step of a peak to the step at which the equity was back there, or the last one."""
    longest, peak_ns = 0, int(whole.index[0])
    was_below = False
    for time_ns, is_below in below.items():
        if is_below or was_below:
            longest = max(longest, int(time_ns) - peak_ns)
        if not is_below:
            peak_ns = int(time_ns)
        was_below = is_below
    return longest


def differences(expected: dict, found: dict) -> list[tuple[str, float, float, float]]:
    rows = []
    for name, value in expected.items():
        other = found[name]
        scale = max(abs(value), abs(other)) or 1.0
        rows.append((name, float(value), float(other), abs(value - other) / scale))
    return rows


def compare(result_path: str, bar_paths: list[str]) -> int:
    result = json.loads(Path(result_path).read_text())
    bars = read(bar_paths)
    worst = 0.0
    for strategy in result["strategies"]:
        if strategy["name"] != "ma-cross":
            sys.exit(f"{strategy['name']} is not computed here, only ma-cross")
        rule = strategy["rule"]
        account, equity, exposed = run(bars, rule, strategy["params"])
        expected = statistics(bars, rule, account, equity, exposed)
        rows = differences(expected, strategy["statistics"])
        curve = strategy["equity"]
        if curve["steps_per_point"] == 1:
            found = pd.Series({it[0]: it[3] for it in curve["points"][1:]})
            if list(found.index) != list(equity.index):
                sys.exit("the equity is of other moments")
            rows.append(("equity, every step", 0.0, 0.0, ((found - equity).abs() / equity).max()))
        if not strategy["trades_unlisted"]:
            closed = [it for it in strategy["trades"] if it["exit_time_ns"] is not None]
            if len(closed) != len(account.trades):
                sys.exit(f"{len(closed)} trades, and {len(account.trades)} here")
            for name, own in [
                ("entry_time_ns", "entry_ns"), ("exit_time_ns", "exit_ns"), ("quantity", "quantity"),
                ("entry_price", "entry_price"), ("exit_price", "exit_price"), ("profit", "profit"),
                ("fees", "fees"),
            ]:
                pairs = [(a[name], b[own]) for a, b in zip(closed, account.trades, strict=True)]
                # A profit is a small difference of large sums: it is compared by what was traded.
                size = [b["quantity"] * b["entry_price"] for b in account.trades]
                scales = size if name in ("profit", "fees") else [abs(b) for _, b in pairs]
                most = max(abs(a - b) / c for (a, b), c in zip(pairs, scales, strict=True))
                rows.append((f"trades, {name}", 0.0, 0.0, most))
        print(f"{strategy['name']} {strategy['params']}")
        for name, value, other, difference in rows:
            print(f"  {name:<24} {value:>26.15g} {other:>26.15g} {difference:10.1e}")
        worst = max(worst, *(it[3] for it in rows))
    print(f"greatest relative difference {worst:.1e}, allowed {TOLERANCE:.0e}")
    return 0 if worst <= TOLERANCE else 1


FIXTURE_RULE = {
    "cash": 10_000.0,
    "size": {"of": "equity", "amount": 0.5},
    "fill": "next-open",
    "cost_bps": 5.0,
    "cost_per_fill": 0.25,
    "slippage_bps": 2.0,
    "allows_short": True,
    "bars_a_year": None,
}
FIXTURE_PARAMS = {"fast": "5", "slow": "20", "short": "true"}


def fixture(folder: Path) -> int:
    """Two symbols that do not trade at the same hours, from a walk with a fixed seed."""
    random = np.random.default_rng(SEED)
    rows = []
    for symbol, price, bars in [("AAA.US", 260.0, 400), ("BBB.HK", 545.5, 300)]:
        for index in range(bars):
            if symbol == "BBB.HK" and index % 24 > 15:
                continue
            begin = price * (1 + random.normal(0, 0.001))
            price = begin * (1 + random.normal(0, 0.006))
            high = max(begin, price) * (1 + abs(random.normal(0, 0.002)))
            low = min(begin, price) * (1 - abs(random.normal(0, 0.002)))
            time_ms = 1_704_067_200_000 + index * 3_600_000
            numbers = [f"{it:.2f}" for it in (begin, high, low, price)]
            rows.append((symbol, "1h", time_ms, *numbers, int(random.integers(1_000, 900_000))))
    columns = ["symbol", "interval", "time_ms", "open", "high", "low", "close", "volume"]
    frame = pd.DataFrame(rows, columns=columns)
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "bars.csv", index=False, lineterminator="\n")
    # As who has them in pandas writes them: floats, in the library's own way.
    floats = frame.astype({it: float for it in columns[3:]})
    floats.to_parquet(folder / "bars.parquet", index=False)
    bars = read([str(folder / "bars.csv")])
    account, equity, exposed = run(bars, FIXTURE_RULE, FIXTURE_PARAMS)
    figures = statistics(bars, FIXTURE_RULE, account, equity, exposed)
    plain = {name: float(it) if isinstance(it, float) else int(it) for name, it in figures.items()}
    (folder / "expected.json").write_text(json.dumps(plain, indent=1) + "\n")
    print(f"{len(frame)} bars, {len(account.trades)} trades")
    return 0


def main() -> int:
    match sys.argv[1:]:
        case ["--fixture", folder]:
            return fixture(Path(folder))
        case [result, first, *others] if not result.startswith("-"):
            return compare(result, [first, *others])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
