"""A recorded Binance USD-M session as the lines that a socket gave, without their times."""

import gzip
import json


def lines(path: str) -> tuple[list[str], dict]:
    """Every frame of the combined stream, and the REST snapshot that is recorded among them.

    The libraries know the aggregated trades of that stream and not the single ones that were
    recorded: those get the aggregated ones' name and fields, so that they are parsed and not skipped.
    """
    frames, snapshot = [], {}
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path, encoding="utf-8")
    with opened as file:
        for line in file:
            text = line.split(" ", 1)[1].rstrip("\n")
            if '"stream"' not in text[:12]:
                snapshot = json.loads(text)
                continue
            if '"e":"trade"' in text:
                text = text.replace('@trade"', '@aggTrade"').replace('"e":"trade"', '"e":"aggTrade"')
                number = text.split('"t":', 1)[1].split(",", 1)[0]
                text = text.replace(f'"t":{number}', f'"a":{number},"f":{number},"l":{number}')
            frames.append(text)
    return frames, snapshot
