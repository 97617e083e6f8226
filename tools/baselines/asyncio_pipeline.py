"""The usual how-to design: one asyncio connection, a bounded queue, worker tasks, an async handler.

    asyncio_pipeline.py URL MESSAGES [--fast] [--burst]

`--fast` is the same on uvloop with orjson. `--burst` begins to read only when everything waits in the
socket, and tells the time until the last message was handled.
"""

import argparse
import asyncio
import json
import sys
import time

import websockets

from said import say

QUEUE_SIZE = 10_000
WORKERS = 4
FILL_WAIT_S = 1.5


class Pipeline:
    """Counts what its workers handle."""

    def __init__(self, loads, messages: int) -> None:
        self.loads = loads
        self.messages = messages
        self.queue: asyncio.Queue = asyncio.Queue(maxsize=QUEUE_SIZE)
        self.handled = 0
        self.last_prices: dict[str, float] = {}
        self.latencies_s: list[float] = []
        self.done = asyncio.Event()

    async def handle(self, data: dict) -> None:
        """What a strategy does at least: looks at the message."""
        ticker = data["data"]
        self.last_prices[ticker["symbol"]] = float(ticker["last_price"])

    async def work(self) -> None:
        """One worker task."""
        while True:
            enqueued_s, data = await self.queue.get()
            self.latencies_s.append(time.perf_counter() - enqueued_s)
            try:
                await self.handle(data)
            finally:
                self.queue.task_done()
            self.handled += 1
            if self.handled == self.messages:
                self.done.set()

    async def read(self, socket) -> None:
        """The connection's task."""
        async for text in socket:
            data = self.loads(text)
            await self.queue.put((time.perf_counter(), data))

    async def run(self, url: str, is_burst: bool) -> float:
        """Connects and handles everything; how long that took."""
        async with websockets.connect(url) as socket:
            if is_burst:
                await asyncio.sleep(FILL_WAIT_S)
            start_s = time.perf_counter()
            tasks = [asyncio.create_task(self.work()) for _ in range(WORKERS)]
            tasks.append(asyncio.create_task(self.read(socket)))
            await self.done.wait()
            seconds = time.perf_counter() - start_s
            for task in tasks:
                task.cancel()
        return seconds


def main() -> None:
    """Measures once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("messages", type=int)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--burst", action="store_true")
    args = parser.parse_args()
    loads, run, name = json.loads, asyncio.run, "asyncio + json"
    if args.fast:
        import orjson
        import uvloop

        loads, run, name = orjson.loads, uvloop.run, "uvloop + orjson"
    pipeline = Pipeline(loads, args.messages)
    seconds = run(pipeline.run(args.url, args.burst))
    latencies_s = sorted(pipeline.latencies_s)
    python = ".".join(map(str, sys.version_info[:3]))
    version = f"websockets {websockets.__version__}, Python {python}"
    p50_us = round(latencies_s[len(latencies_s) // 2] * 1e6, 1)
    say(name + (" burst" if args.burst else ""), version, args.messages, seconds,
        enqueue_to_handle_us_p50=p50_us)


main()
