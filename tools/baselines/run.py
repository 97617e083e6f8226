"""Everything end to end, ours beside the others, in one run: a table, and a dated record.

    tools/baselines/install.sh
    python3 tools/baselines/run.py DATA [--rounds 5] [--record NAME]

DATA is a recorded Binance USD-M session, plain or gzip. Needs cargo; Python peers come from install.sh,
and those that are not installed are left out, with a word. In every round each contender runs once, in
a shuffled order; ratios are of one round, and their medians are shown. A record goes to
benches/record/NAME.json and .md.
"""

import argparse
import datetime
import gzip
import json
import os
import pathlib
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PYTHON = ROOT / "target/baselines/venv/bin/python"

# Messages through a socket: seconds of work for each, and too many for any buffer.
MESSAGES_OURS = 2_000_000
MESSAGES_PYTHON = 100_000
BURST = 20_000

# What has to be shown: name, contender, beside whom, at least this many times as fast.
CLAIMS = [
    ("socket to ring, one thread", "tickring ring", "asyncio + json", 100),
    ("socket to ring, one thread", "tickring ring", "uvloop + orjson", 40),
    ("whole engine, one strategy", "tickring run", "asyncio + json", 60),
    ("a burst of 20,000 in the socket", "tickring burst", "asyncio + json burst", 40),
    ("recorded, no book", "tickring replay", "barter-data with depth", 2.5),
    ("recorded, no book", "tickring replay", "cryptofeed without depth", 15),
    ("recorded, with books", "tickring replay with books", "cryptofeed with its book", 20),
    ("recorded, with books", "tickring replay with books", "nautilus_trader with its book", 60),
]


def last_json(text: str) -> dict:
    """The last line of a program's output."""
    return json.loads(text.strip().splitlines()[-1])


def output(command: list, **more) -> str:
    """What a program says; its complaints are shown."""
    return subprocess.run([str(it) for it in command], check=True, stdout=subprocess.PIPE,
                          text=True, **more).stdout


class Sender:
    """The venue that is always ahead: one for each measurement."""

    def __init__(self, program: pathlib.Path, messages: int) -> None:
        command = [str(program), str(messages), "1"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def told(self) -> dict:
        """How long the client took."""
        return last_json(self.process.stdout.read())

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()


class Programs:
    """What is measured, built."""

    def __init__(self, session: pathlib.Path) -> None:
        self.session = session
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        self.examples = target / "release/examples"
        self.tickring = target / "release/tickring"
        subprocess.run(["cargo", "build", "--release", "-p", "tickring-cli"], cwd=ROOT, check=True)
        subprocess.run(["cargo", "build", "--release", "-p", "tickring-benches", "--examples"],
                       cwd=ROOT, check=True)
        peers = ROOT / "target/peers"
        subprocess.run(["cargo", "build", "--release", "--target-dir", peers],
                       cwd=HERE / "peers", check=True)
        self.barter = peers / "release/barter"

    def through_socket(self, how: str, messages: int) -> dict:
        """Our engine on one thread, so far; a burst on two."""
        with Sender(self.examples / "sender", messages) as sender:
            return last_json(output([self.examples / "socket_to_ring", how, sender.url, messages]))

    def engine(self) -> dict:
        """The whole engine: `tickring run` with one strategy. The sender holds the watch."""
        with Sender(self.examples / "sender", MESSAGES_OURS) as sender:
            command = [self.tickring, "run", "--symbols", "BTCUSDT", "--channels", "ticker",
                       "--strategy", "null", "--format", "json", "--interval", "0s",
                       "--log", "error"]
            environment = {"TICKDB_API_KEY": "none", "TICKDB_WS_URL": sender.url,
                           "PATH": os.environ["PATH"]}
            engine = subprocess.Popen([str(it) for it in command], stdout=subprocess.PIPE,
                                      text=True, env=environment)
            told = sender.told()
            engine.send_signal(2)
            report = json.loads(engine.communicate()[0])
        messages = sum(report["messages"].values())
        assert messages == MESSAGES_OURS, f"{messages} of {MESSAGES_OURS} messages"
        return {"name": "tickring run", "messages_per_s": round(messages / told["seconds"]),
                "seconds": told["seconds"], "messages": messages}

    def replay(self, *flags: str) -> dict:
        """`tickring replay` of the unpacked session with the strategy `null`."""
        command = [self.tickring, "replay", self.session, "--venue", "binance-usdm", "--speed", "max",
                   "--strategy", "null", "--format", "json", "--interval", "0s", "--log", "error",
                   *flags]
        report = json.loads(output(command))
        seconds = report["wall_ns"] / 1e9
        name = "tickring replay" + (" with books" if flags else "")
        return {"name": name, "messages": report["frames"], "seconds": seconds,
                "messages_per_s": round(report["frames"] / seconds)}

    def stage(self, how: str) -> dict:
        """The recorded session on one thread, so far."""
        told = last_json(output([self.examples / "socket_to_ring", how, self.session]))
        return told | {"name": f"recorded: {how}"}

    def python(self, script: str, *arguments) -> dict:
        """A Python peer."""
        return last_json(output([PYTHON, HERE / script, *arguments]))

    def pipeline(self, messages: int, *flags: str) -> dict:
        """An asyncio pipeline."""
        with Sender(self.examples / "sender", messages) as sender:
            return self.python("asyncio_pipeline.py", sender.url, messages, *flags)

    def contenders(self, without: list[str]) -> list:
        """Everything that is run in a round."""
        ours = [
            *(lambda how=how: self.through_socket(how, MESSAGES_OURS)
              for how in ("read", "decode", "ring", "handle")),
            lambda: self.through_socket("burst", BURST),
            self.engine,
            self.replay,
            lambda: self.replay("--books"),
            *(lambda how=how: self.stage(how) for how in ("read", "decode", "ring", "handle")),
            lambda: last_json(output([self.barter, self.session, "--depth"])),
            lambda: last_json(output([self.barter, self.session])),
        ]
        if not PYTHON.exists():
            print("run.py: no Python peers: run tools/baselines/install.sh", file=sys.stderr)
            return ours
        pipelines = [
            lambda: self.pipeline(MESSAGES_PYTHON),
            lambda: self.pipeline(MESSAGES_PYTHON, "--fast"),
            lambda: self.pipeline(BURST, "--burst"),
            lambda: self.pipeline(BURST, "--burst", "--fast"),
        ]
        parsers = [
            lambda peer=peer, flags=flags: self.python(f"{peer}_parse.py", self.session, *flags)
            for peer in ("cryptofeed", "nautilus") if peer not in without
            for flags in ([], ["--book"])
        ]
        return ours + pipelines + parsers


def rate(told: dict) -> float:
    """Messages a second."""
    return told["messages"] / told["seconds"]


def tables(rounds: list[dict[str, dict]]) -> str:
    """Medians of every contender, what was claimed, and what each stage takes."""
    out = ["| contender | messages | messages/s, median | least | most |", "|---|---|---|---|---|"]
    for name in sorted(rounds[0]):
        rates = sorted(rate(it[name]) for it in rounds)
        messages = rounds[0][name]["messages"]
        out.append(f"| {name} | {messages:,} | {statistics.median(rates):,.0f} | {rates[0]:,.0f} "
                   f"| {rates[-1]:,.0f} |")
    out += ["", "| what | ours | beside | times as fast, median | range | wanted |",
            "|---|---|---|---|---|---|"]
    for what, ours, other, wanted in CLAIMS:
        if other not in rounds[0]:
            continue
        ratios = sorted(rate(it[ours]) / rate(it[other]) for it in rounds)
        out.append(f"| {what} | {ours} | {other} | {statistics.median(ratios):.1f} "
                   f"| {ratios[0]:.1f} - {ratios[-1]:.1f} | {wanted} |")
    out += ["", "| a message, ns | read | decode | publish | handle | all |", "|---|---|---|---|---|---|"]
    for source in ("tickring", "recorded:"):
        ns = [statistics.median(1e9 / rate(it[f"{source} {how}"]) for it in rounds)
              for how in ("read", "decode", "ring", "handle")]
        parts = [ns[0], *(after - before for before, after in zip(ns, ns[1:]))]
        shares = " | ".join(f"{part:.0f} ({part / ns[-1]:.0%})" for part in parts)
        from_where = "socket" if source == "tickring" else "recording"
        out.append(f"| from a {from_where} | {shares} | {ns[-1]:.0f} |")
    return "\n".join(out) + "\n"


def main() -> None:
    """Measures, says, records."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--record", metavar="NAME")
    parser.add_argument("--without", metavar="PEER", action="append", default=[],
                        help="leave out a Python peer: cryptofeed, nautilus")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        session = args.data
        if session.suffix == ".gz":
            session = pathlib.Path(folder) / session.with_suffix(".lines").name
            with gzip.open(args.data) as packed, open(session, "wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
        contenders = Programs(session).contenders(args.without)
        shuffler = random.Random(1)
        rounds = []
        for number in range(args.rounds):
            shuffler.shuffle(contenders)
            told = [contender() for contender in contenders]
            rounds.append({it["name"]: it for it in told})
            print(f"round {number + 1} of {args.rounds} is over", file=sys.stderr)
    text = tables(rounds)
    print(text)
    if args.record:
        today = datetime.date.today().isoformat()
        machine = f"{os.cpu_count()} x {platform.machine()}, {platform.system()} {platform.release()}"
        folder = ROOT / "benches/record"
        folder.mkdir(exist_ok=True)
        record = {"schema_version": 1, "date": today, "machine": machine, "rounds": rounds}
        (folder / f"{args.record}.json").write_text(json.dumps(record, indent=1) + "\n")
        heading = f"# End to end, {today}\n\n`tools/baselines/run.py`, {len(rounds)} rounds, {machine}.\n"
        (folder / f"{args.record}.md").write_text(f"{heading}\n{text}")


main()
