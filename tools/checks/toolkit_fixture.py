"""What the measures of the strategy toolkit must give for a made-up market, by NumPy and pandas.

    toolkit_fixture.py FOLDER

Writes FOLDER/toolkit.csv, with one row a moment: inputs first, then what each measure has seen so far,
and FOLDER/toolkit_bars.csv, with the bars of its trades. The market is random with a fixed seed. Prices
have two decimals and quantities three; both are written as whole numbers of their last decimal. A cell
is empty where there is no answer yet. The formulas are sums over everything written out, or those of
pandas: none is an update of the result before.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 160
SEED = 20_140_101
PRICE_UNIT = 100.0
SECOND_NS = 1_000_000_000

# Lengths that the test knows as well.
WINDOW = 20
HALF_LIFE = 7.0
HALF_LIFE_S = 3.0
BAR_S = 5
FAST = 3
SLOW = 8


def market() -> pd.DataFrame:
    """Times, best levels, a trade and a float for each row."""
    random = np.random.default_rng(SEED)
    bid = 10_000 + np.cumsum(random.integers(-3, 4, ROWS))
    elapsed_ns = random.integers(0, 2 * SECOND_NS, ROWS)
    return pd.DataFrame(
        {
            "time_ns": 1_400_000_000 * SECOND_NS + np.cumsum(elapsed_ns),
            "bid": bid,
            "bid_quantity": random.integers(0, 9_000, ROWS),
            "ask": bid + random.integers(1, 5, ROWS),
            "ask_quantity": random.integers(1, 9_000, ROWS),
            "trade_price": bid + random.integers(0, 4, ROWS),
            "trade_quantity": random.integers(0, 5_000, ROWS),
            "value": 50.0 + random.normal(0.0, 20.0, ROWS),
        }
    )


def levels(rows: pd.DataFrame) -> None:
    """Mid, microprice and imbalance of the best levels."""
    bid, ask = rows.bid / PRICE_UNIT, rows.ask / PRICE_UNIT
    both = rows.bid_quantity + rows.ask_quantity
    rows["mid"] = (bid + ask) / 2.0
    rows["microprice"] = (bid * rows.ask_quantity + ask * rows.bid_quantity) / both
    rows["imbalance"] = (rows.bid_quantity - rows.ask_quantity) / both


def order_flow(rows: pd.DataFrame) -> None:
    """Cumulated order-flow imbalance, case by case as Cont, Kukanov and Stoikov tell it."""
    total, sums = 0, [0]
    for before, now in zip(rows[:-1].itertuples(), rows[1:].itertuples(), strict=True):
        if now.bid > before.bid:
            total += now.bid_quantity
        elif now.bid < before.bid:
            total -= before.bid_quantity
        else:
            total += now.bid_quantity - before.bid_quantity
        if now.ask < before.ask:
            total -= now.ask_quantity
        elif now.ask > before.ask:
            total += before.ask_quantity
        else:
            total -= now.ask_quantity - before.ask_quantity
        sums.append(total)
    rows["order_flow"] = sums


def trades(rows: pd.DataFrame) -> None:
    """Volume-weighted prices: of all trades, and of the last ones."""
    notional = rows.trade_price * rows.trade_quantity / PRICE_UNIT
    rows["vwap"] = notional.cumsum() / rows.trade_quantity.cumsum()
    window = [series.rolling(WINDOW, min_periods=1).sum() for series in (notional, rows.trade_quantity)]
    rows["vwap_rolling"] = window[0] / window[1]


def windows(rows: pd.DataFrame) -> None:
    """Moments and ends of the last values, and of all."""
    rolling = rows.value.rolling(WINDOW, min_periods=1)
    rows["rolling_mean"] = rolling.mean()
    rows["rolling_variance"] = rolling.apply(lambda it: np.var(it), raw=True)
    rows["rolling_sample_variance"] = rolling.var(ddof=1)
    rows["rolling_price"] = rows.trade_price.rolling(WINDOW, min_periods=1).mean()
    rows["rolling_min"], rows["rolling_max"] = rolling.min(), rolling.max()
    expanding = rows.value.expanding()
    rows["all_mean"], rows["all_min"], rows["all_max"] = (
        expanding.mean(),
        expanding.min(),
        expanding.max(),
    )


def ages(rows: pd.DataFrame, end: int) -> np.ndarray:
    """Ages in half-lives of the rows before `end`, seen from the last of them."""
    times = rows.time_ns.to_numpy()[:end]
    return (times[-1] - times) / SECOND_NS / HALF_LIFE_S


def weighted_by_time(rows: pd.DataFrame, of: Callable[[np.ndarray, np.ndarray], float]) -> list[float]:
    """`of` the weights by time and the values of each row and all before it."""
    values = rows.value.to_numpy()
    return [of(0.5 ** ages(rows, end), values[:end]) for end in range(1, ROWS + 1)]


def variance(weights: np.ndarray, values: np.ndarray) -> float:
    """The weighted mean squared distance from the weighted mean."""
    mean = np.average(values, weights=weights)
    return float(np.average((values - mean) ** 2, weights=weights))


def weighted(rows: pd.DataFrame) -> None:
    """Exponentially weighted moments, by count and by time."""
    by_count = rows.value.ewm(halflife=HALF_LIFE)
    rows["ew_mean"] = by_count.mean()
    rows["ew_variance"] = by_count.var(bias=True)
    rows["ew_sample_variance"] = by_count.var(bias=False)
    # From the first on: pandas makes floats of times, which have no nanoseconds this century.
    times = pd.to_datetime(rows.time_ns - rows.time_ns[0], unit="ns")
    rows["ew_time_mean"] = rows.value.ewm(halflife=pd.Timedelta(seconds=HALF_LIFE_S), times=times).mean()
    rows["ew_time_variance"] = weighted_by_time(rows, variance)


def volatility(rows: pd.DataFrame) -> None:
    """Realised volatility of trade prices: of the last returns, and weighted by count and by time."""
    returns = np.log(rows.trade_price / PRICE_UNIT).diff()
    squares = returns**2
    rows["realised_variance"] = squares.rolling(WINDOW, min_periods=1).apply(np.nansum, raw=True)
    rows["ew_volatility"] = np.sqrt(squares.ewm(halflife=HALF_LIFE).mean())
    by_time = [np.nan]
    for end in range(2, ROWS + 1):
        weights = 0.5 ** ages(rows, end)
        rates = np.log(2.0) / HALF_LIFE_S * weights[1:] * squares.to_numpy()[1:end]
        by_time.append(float(np.sqrt(np.sum(rates) / (1.0 - weights[0]))))
    rows["ew_time_volatility"] = by_time


def cross(rows: pd.DataFrame) -> None:
    """Long while the mean of the last FAST trade prices is above that of the last SLOW ones, short below.

    The means are compared as whole numbers: floats would make a difference of equal ones.
    """
    sums = {length: rows.trade_price.rolling(length).sum() for length in (FAST, SLOW)}
    rows["target"] = np.sign(sums[FAST] * SLOW - sums[SLOW] * FAST).fillna(0).astype(int)


def bars(rows: pd.DataFrame) -> pd.DataFrame:
    """Bars of BAR_S seconds from the trades."""
    length_ns = BAR_S * SECOND_NS
    groups = rows.groupby(rows.time_ns // length_ns * length_ns)
    price = groups.trade_price
    return pd.DataFrame(
        {
            "open": price.first(),
            "high": price.max(),
            "low": price.min(),
            "close": price.last(),
            "volume": groups.trade_quantity.sum(),
            "trades": groups.size(),
        }
    ).rename_axis("start_ns")


def main(folder: Path) -> None:
    """Writes both files."""
    rows = market()
    for measure in (levels, order_flow, trades, windows, weighted, volatility, cross):
        measure(rows)
    rows.to_csv(folder / "toolkit.csv", index=False, lineterminator="\n")
    bars(rows).to_csv(folder / "toolkit_bars.csv", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
