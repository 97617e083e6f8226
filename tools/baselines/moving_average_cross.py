"""The same moving-average cross over the same Parquet file: tickring, pandas, a pure Python loop.

    moving_average_cross.py --make FILE [--bars 10000000]     a file of bars from a walk with a fixed seed
    moving_average_cross.py TICKRING FILE [--rounds 3]        times all three, in turns

Each is a process of its own, timed from its start to its end: reading the file, the two windows (10 and
30 bars), fills at the next open, costs of a hundredth of a basis point, the equity of every bar and its
statistics. All three must come to the same equity, return, Sharpe ratio, drawdown and number of trades.
What pandas and the loop do not do: check the bars, keep them as exact decimals, hash them, hand them over
a ring, keep a curve and a list of trades. Sums are of whole hundredths in all three, so equal means are
equal. Needs the packages of tools/checks/requirements.txt.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEED = 7
FAST, SLOW = 10, 30
COST = 1e-6
CASH = 10_000.0
YEAR_S = 365.25 * 86_400
CHUNK = 1_000_000
FIRST_MS = 946_684_800_000
MINUTE_MS = 60_000


def make(path: str, bars: int) -> None:
    """Minute bars of one symbol, floats as pandas writes them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(SEED)
    names = pa.schema(
        [("symbol", pa.string()), ("interval", pa.string()), ("time_ms", pa.int64())]
        + [(it, pa.float64()) for it in ("open", "high", "low", "close", "volume")]
    )
    last = 100.0
    with pq.ParquetWriter(path, names, compression="snappy") as writer:
        for start in range(0, bars, CHUNK):
            count = min(CHUNK, bars - start)
            walk = np.exp(np.cumsum(random.normal(0, 4e-4, count)))
            # Held within bounds, so that a price keeps its two decimals.
            close = np.round(np.clip(last * walk, 5.0, 5_000.0), 2)
            before = np.concatenate(([last], close[:-1]))
            opened = np.round(before * (1 + random.normal(0, 5e-5, count)), 2)
            spread = np.abs(random.normal(0, 2e-4, count))
            high = np.round(np.maximum(opened, close) * (1 + spread), 2)
            low = np.round(np.minimum(opened, close) * (1 - spread), 2)
            volume = random.integers(1, 1_000_000, count).astype(float)
            time_ms = FIRST_MS + (start + np.arange(count)) * MINUTE_MS
            symbol, interval = pa.array(["SYNTH"] * count), pa.array(["1m"] * count)
            columns = [symbol, interval, *map(pa.array, (time_ms, opened, high, low, close, volume))]
            writer.write_table(pa.Table.from_arrays(columns, schema=names), row_group_size=131_072)
            last = float(close[-1])


def by_pandas(path: str) -> dict:
    import numpy as np
    import pandas as pd

    bars = pd.read_parquet(path, columns=["time_ms", "open", "close"])
    cents = (bars["close"] * 100).round()
    # Sums of whole numbers below 2^53: exact, in whatever order.
    quick, calm = cents.rolling(FAST).sum() * SLOW, cents.rolling(SLOW).sum() * FAST
    held = (quick > calm).shift(1, fill_value=False).to_numpy()
    changes = np.diff(held.astype(np.int8), prepend=0)
    entries, exits = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
    opened, close = bars["open"].to_numpy(), bars["close"].to_numpy()
    growth = opened[exits] * (1 - COST) / (opened[entries[: len(exits)]] * (1 + COST))
    cash = CASH * np.concatenate(([1.0], np.cumprod(growth)))
    units = cash[: len(entries)] / (opened[entries] * (1 + COST))
    trade = np.cumsum(changes == 1) - 1
    over = np.cumsum(changes == -1)
    equity = pd.Series(np.where(held, units[np.maximum(trade, 0)] * close, cash[over]))
    returns = equity.pct_change(fill_method=None)
    returns.iloc[0] = equity.iloc[0] / CASH - 1
    a_year = YEAR_S / (MINUTE_MS / 1_000)
    return {
        "equity_end": float(equity.iloc[-1]),
        "total_return": float(equity.iloc[-1] / CASH - 1),
        "sharpe": float(returns.mean() / returns.std() * math.sqrt(a_year)),
        "drawdown_max": float((1 - equity / equity.cummax().clip(lower=CASH)).max()),
        "trades": len(exits),
    }


def by_loop(path: str) -> dict:
    from collections import deque

    import pyarrow.parquet as pq

    quick, calm = deque(), deque()
    quick_sum = calm_sum = 0
    cash, units, is_wanted = CASH, 0.0, False
    last, peak, deepest, trades = CASH, CASH, 0.0, 0
    count, mean, squares = 0, 0.0, 0.0
    for batch in pq.ParquetFile(path).iter_batches(columns=["open", "close"]):
        for opened, close in zip(batch["open"].to_pylist(), batch["close"].to_pylist(), strict=True):
            if is_wanted and units == 0.0:
                units = cash / (opened * (1 + COST))
                cash = 0.0
            elif not is_wanted and units != 0.0:
                cash = units * opened * (1 - COST)
                units = 0.0
                trades += 1
            equity = cash + units * close
            simple = equity / last - 1
            last = equity
            count += 1
            apart = simple - mean
            mean += apart / count
            squares += apart * (simple - mean)
            peak = max(peak, equity)
            deepest = max(deepest, 1 - equity / peak)
            cents = round(close * 100)
            quick.append(cents)
            quick_sum += cents
            if len(quick) > FAST:
                quick_sum -= quick.popleft()
            calm.append(cents)
            calm_sum += cents
            if len(calm) > SLOW:
                calm_sum -= calm.popleft()
            is_wanted = len(calm) == SLOW and quick_sum * SLOW > calm_sum * FAST
    a_year = YEAR_S / (MINUTE_MS / 1_000)
    return {
        "equity_end": last,
        "total_return": last / CASH - 1,
        "sharpe": mean / math.sqrt(squares / (count - 1)) * math.sqrt(a_year),
        "drawdown_max": deepest,
        "trades": trades,
    }


def timed(command: list[str]) -> tuple[float, float, dict]:
    """Wall time in s, most memory in MiB, and the JSON that the process printed."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{command[0]} ended with {process.returncode}")
        out.seek(0)
        return wall_s, usage.ru_maxrss / 1024, json.load(out)


def compare(tickring: str, path: str, rounds: int) -> int:
    own = [sys.executable, __file__]
    ways = {
        "tickring": [
            tickring, "backtest", path, "--strategy", "ma-cross", "--param", f"fast={FAST},slow={SLOW}",
            "--cash", str(CASH), "--size", "100%", "--cost-bps", f"{COST * 1e4:.12g}", "--format", "json",
            "--log", "error",
        ],
        "pandas": [*own, "--way", "pandas", path],
        "Python loop": [*own, "--way", "loop", path],
    }
    walls: dict[str, list[float]] = {name: [] for name in ways}
    memory: dict[str, float] = {}
    figures: dict[str, dict] = {}
    for turn in range(rounds):
        names = list(ways)
        for name in names[turn % 3 :] + names[: turn % 3]:
            wall_s, mib, found = timed(ways[name])
            walls[name].append(wall_s)
            memory[name] = max(memory.get(name, 0.0), mib)
            figures[name] = found["strategies"][0]["statistics"] if name == "tickring" else found
    bars = figures["tickring"]["steps"]
    print(f"{bars:,} bars, {figures['tickring']['trades']:,} trades, {rounds} rounds in turns")
    base = statistics.median(walls["tickring"])
    for name, taken in walls.items():
        median = statistics.median(taken)
        print(
            f"{name:<12} {median:8.2f} s (least {min(taken):.2f}, most {max(taken):.2f})"
            f" {bars / median / 1e6:7.2f} M bars/s {memory[name]:8.0f} MiB"
            f"   {median / base:6.2f} x tickring's time"
        )
    worst = 0.0
    for name in ("pandas", "Python loop"):
        for figure, value in figures[name].items():
            other = figures["tickring"][figure]
            worst = max(worst, abs(value - other) / max(abs(value), abs(other), 1e-300))
    print(f"figures of all three: greatest relative difference {worst:.1e}")
    return 0 if worst < 1e-6 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--make", metavar="FILE")
    parser.add_argument("--bars", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=["pandas", "loop"], help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs="*")
    args = parser.parse_args()
    if args.make:
        make(args.make, args.bars)
        print(f"{args.make}: {Path(args.make).stat().st_size:,} bytes")
        return 0
    if args.way:
        print(json.dumps((by_pandas if args.way == "pandas" else by_loop)(args.rest[0])))
        return 0
    if len(args.rest) != 2:
        parser.error("give TICKRING and FILE, or --make FILE")
    return compare(args.rest[0], args.rest[1], args.rounds)


if __name__ == "__main__":
    sys.exit(main())
