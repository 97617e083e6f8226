"""The one line of JSON that every baseline says."""

import json


def say(name: str, version: str, messages: int, seconds: float, **more: float) -> None:
    """Prints what was measured."""
    figures = {
        "name": name,
        "version": version,
        "messages": messages,
        "seconds": round(seconds, 6),
        "messages_per_s": round(messages / seconds),
    }
    print(json.dumps(figures | more), flush=True)
