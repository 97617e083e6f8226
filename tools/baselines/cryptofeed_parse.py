"""cryptofeed's Binance futures feed, from the text of a frame to its callback.

    cryptofeed_parse.py FILE [--book]

Without `--book` depth frames are left out. With it the feed keeps its book from the recorded snapshot.
"""

import argparse
import asyncio
import importlib.metadata
import logging
import time
from decimal import Decimal

from cryptofeed.defines import BINANCE_FUTURES, L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges.binance_futures import BinanceFutures
from cryptofeed.symbols import Symbols
from cryptofeed.types import OrderBook

from recording import lines
from said import say

PAIR = "BTC-USDT-PERP"


class Feed(BinanceFutures):
    """The feed with the recorded snapshot in place of a fetched one."""

    snapshot: dict = {}

    async def _snapshot(self, pair: str) -> None:
        pair = self.exchange_symbol_to_std_symbol(pair)
        sides = ({Decimal(price): Decimal(size) for price, size in self.snapshot[side]}
                 for side in ("bids", "asks"))
        bids, asks = sides
        self.last_update_id[pair] = self.snapshot["lastUpdateId"]
        self._l2_book[pair] = OrderBook(self.id, pair, max_depth=self.max_depth, bids=bids, asks=asks)


async def main() -> None:
    """Measures once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--book", action="store_true")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    frames, Feed.snapshot = lines(args.file)
    if not args.book:
        frames = [text for text in frames if "@depth" not in text[:40]]
    Symbols.set(BINANCE_FUTURES, {PAIR: "BTCUSDT"}, {"instrument_type": {PAIR: "perpetual"}})
    called = 0

    async def callback(_item, _receipt_s) -> None:
        nonlocal called
        called += 1

    channels = [TRADES, TICKER] + ([L2_BOOK] if args.book else [])
    feed = Feed(symbols=[PAIR], channels=channels, callbacks={it: callback for it in channels})
    start_s = time.perf_counter()
    for text in frames:
        await feed.message_handler(text, None, 0.0)
    seconds = time.perf_counter() - start_s
    name = "cryptofeed" + (" with its book" if args.book else " without depth")
    say(name, importlib.metadata.version("cryptofeed"), len(frames), seconds, callbacks=called)


asyncio.run(main())
