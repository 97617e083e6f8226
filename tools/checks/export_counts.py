"""Counts and exact sums of an exported Binance recording, beside those of its raw lines.

    export_counts.py FOLDER RECORDING.gz

FOLDER holds the Parquet files of `tickring export`, read by DuckDB; the recording is read with
nothing but the standard library. Prints {"exported": {...}, "recorded": {...}}, which must be equal,
and {"counts": {...}}, which must be what another rebuild of the same recording counted.
"""

import gzip
import json
import sys
from collections import Counter
from decimal import Decimal, getcontext
from pathlib import Path

import duckdb

# Each figure by name: the table it is of, and its SQL.
FIGURES: dict[str, tuple[str, str]] = {
    "trades": ("trades", "count(*)"),
    "trade_quantity": ("trades", "sum(quantity)"),
    "trade_price": ("trades", "sum(price)"),
    "trade_ids": ("trades", "sum(trade_id)"),
    "trade_arrival_ns": ("trades", "sum(epoch_ns(arrival_time))"),
    "trade_venue_ns": ("trades", "sum(epoch_ns(venue_time))"),
    "sell_quantity": ("trades", "sum(quantity) FILTER (taker = 'sell')"),
    "tops": ("top_of_book", "count(*)"),
    "top_bid_price": ("top_of_book", "sum(bid_price)"),
    "top_bid_quantity": ("top_of_book", "sum(bid_quantity)"),
    "top_ask_price": ("top_of_book", "sum(ask_price)"),
    "top_ask_quantity": ("top_of_book", "sum(ask_quantity)"),
    "diffs": ("levels", "count(*) FILTER (is_first AND NOT is_snapshot)"),
    "diff_ends": ("levels", "count(*) FILTER (is_last AND NOT is_snapshot)"),
    "snapshots": ("levels", "count(*) FILTER (is_first AND is_snapshot)"),
    "bids": ("levels", "count(*) FILTER (side = 'bid' AND NOT is_snapshot)"),
    "asks": ("levels", "count(*) FILTER (side = 'ask' AND NOT is_snapshot)"),
    "snapshot_levels": ("levels", "count(side) FILTER (is_snapshot)"),
    "level_price": ("levels", "sum(price)"),
    "level_quantity": ("levels", "sum(quantity)"),
    "level_indexes": ("levels", "sum(level)"),
}

# Counts by the names that the expected results have.
COUNTS: dict[str, tuple[str, str]] = {
    "trade": ("trades", "count(*)"),
    "bookTicker": ("top_of_book", "count(*)"),
    "depth_events": ("levels", "count(*) FILTER (is_first AND NOT is_snapshot)"),
    "snapshots": ("levels", "count(*) FILTER (is_first AND is_snapshot)"),
    "older_than_snapshot": ("levels", "count(*) FILTER (is_first AND is_stale)"),
    "applied": ("levels", "count(*) FILTER (is_last AND NOT is_snapshot AND NOT is_stale)"),
    "bid_levels": ("levels", "count(*) FILTER (side = 'bid' AND NOT is_snapshot AND NOT is_stale)"),
    "ask_levels": ("levels", "count(*) FILTER (side = 'ask' AND NOT is_snapshot AND NOT is_stale)"),
}

Figures = dict[str, str]


def exported(folder: Path, queries: dict[str, tuple[str, str]]) -> Figures:
    """What DuckDB finds in the exported files."""
    figures: Figures = {}
    with duckdb.connect() as database:
        for name, (table, sql) in queries.items():
            file = str(folder / f"{table}.parquet")
            row = database.execute(f"SELECT {sql} FROM read_parquet(?)", [file]).fetchone()
            figures[name] = text(Decimal(row[0] if row and row[0] is not None else 0))
    return figures


def recorded(path: Path) -> Figures:
    """What the lines of the recording say."""
    sums: Counter[str] = Counter()
    with gzip.open(path, "rb") as lines:
        for line in lines:
            arrival_ns, message = line.split(b" ", 1)
            add(sums, int(arrival_ns), json.loads(message, parse_float=Decimal))
    return {name: text(Decimal(sums[name])) for name in FIGURES}


def add(sums: Counter[str], arrival_ns: int, message: dict) -> None:
    """Adds one message; the names of its fields are Binance's own."""
    data = message.get("data", message)
    if "lastUpdateId" in data:
        sums["snapshots"] += 1
        sums["snapshot_levels"] += len(data["bids"]) + len(data["asks"])
        add_levels(sums, data["bids"], data["asks"])
    elif data.get("e") == "depthUpdate":
        sums["diffs"] += 1
        sums["diff_ends"] += 1
        sums["bids"] += len(data["b"])
        sums["asks"] += len(data["a"])
        add_levels(sums, data["b"], data["a"])
    elif data.get("e") == "trade":
        sums["trades"] += 1
        sums["trade_quantity"] += Decimal(data["q"])
        sums["trade_price"] += Decimal(data["p"])
        sums["trade_ids"] += data["t"]
        sums["trade_arrival_ns"] += arrival_ns
        sums["trade_venue_ns"] += data["E"] * 1_000_000
        if data["m"]:
            sums["sell_quantity"] += Decimal(data["q"])
    else:
        sums["tops"] += 1
        sums["top_bid_price"] += Decimal(data["b"])
        sums["top_bid_quantity"] += Decimal(data["B"])
        sums["top_ask_price"] += Decimal(data["a"])
        sums["top_ask_quantity"] += Decimal(data["A"])


def add_levels(sums: Counter[str], *sides: list[list[str]]) -> None:
    """Adds the levels of a depth message, one list for each side."""
    for levels in sides:
        sums["level_indexes"] += len(levels) * (len(levels) - 1) // 2
        for price, quantity in levels:
            sums["level_price"] += Decimal(price)
            sums["level_quantity"] += Decimal(quantity)


def text(number: Decimal) -> str:
    """The number without zeros at the end, so that equal numbers are equal texts."""
    return f"{number.normalize():f}"


if __name__ == "__main__":
    getcontext().prec = 60  # far more digits than any sum here has: nothing is rounded
    FOLDER, RECORDING = map(Path, sys.argv[1:])
    sections = {
        "counts": exported(FOLDER, COUNTS),
        "exported": exported(FOLDER, FIGURES),
        "recorded": recorded(RECORDING),
    }
    print(json.dumps(sections, indent=1))
