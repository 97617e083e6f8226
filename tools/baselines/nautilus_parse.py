"""nautilus_trader's Binance futures adapter, from the bytes of a frame to its types.

    nautilus_parse.py FILE [--book]

Without `--book` depth frames are left out. With it each frame's deltas are applied to the library's
own book; the message bus and the cache of a whole node are not part of it.
"""

import argparse
import importlib.metadata
import time

import msgspec
from nautilus_trader.adapters.binance.common.enums import BinanceAccountType
from nautilus_trader.adapters.binance.common.schemas import market
from nautilus_trader.adapters.binance.data import BinanceCommonDataClient as Client
from nautilus_trader.common.component import LiveClock
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDeltas
from nautilus_trader.model.enums import BookType
from nautilus_trader.model.identifiers import InstrumentId, Venue

from recording import lines
from said import say


class Adapter:
    """The client's own decoders and handlers, without its connections."""

    _handle_ws_message = Client._handle_ws_message
    _handle_book_diff_update = Client._handle_book_diff_update
    _handle_book_ticker = Client._handle_book_ticker
    _handle_agg_trade = Client._handle_agg_trade
    _get_cached_instrument_id = Client._get_cached_instrument_id

    def __init__(self) -> None:
        self.venue = Venue("BINANCE")
        self._binance_account_type = BinanceAccountType.USDT_FUTURES
        self._clock = LiveClock()
        self._instrument_ids: dict = {}
        self._book_buffer: dict = {}
        self._ws_handlers = {
            "@bookTicker": self._handle_book_ticker,
            "@aggTrade": self._handle_agg_trade,
            "@depth@": self._handle_book_diff_update,
        }
        decoder = msgspec.json.Decoder
        self._decoder_data_msg_wrapper = decoder(market.BinanceDataMsgWrapper)
        self._decoder_order_book_msg = decoder(market.BinanceOrderBookMsg)
        self._decoder_quote_msg = decoder(market.BinanceQuoteMsg)
        self._decoder_agg_trade_msg = decoder(market.BinanceAggregatedTradeMsg)
        self.given = 0
        self.book: OrderBook | None = None

    @property
    def _log(self):
        raise RuntimeError("a frame was not understood")

    def _handle_data(self, data) -> None:
        self.given += 1
        if self.book is not None and isinstance(data, OrderBookDeltas):
            self.book.apply(data)


def main() -> None:
    """Measures once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--book", action="store_true")
    args = parser.parse_args()
    frames, _ = lines(args.file)
    if not args.book:
        frames = [text for text in frames if "@depth" not in text[:40]]
    frames = [text.encode() for text in frames]
    adapter = Adapter()
    if args.book:
        instrument = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
        adapter.book = OrderBook(instrument, BookType.L2_MBP)
    start_s = time.perf_counter()
    for raw in frames:
        adapter._handle_ws_message(raw)
    seconds = time.perf_counter() - start_s
    assert adapter.given >= len(frames), f"{adapter.given} of {len(frames)} frames gave something"
    name = "nautilus_trader" + (" with its book" if args.book else " without depth")
    say(name, importlib.metadata.version("nautilus_trader"), len(frames), seconds)


main()
