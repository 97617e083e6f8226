"""Frames, bytes and a checksum of a capture, read by the `mcap` package with every check it has.

    capture_counts.py FILE

Prints {"frames": N, "frame_bytes": N, "crc32": "xxxxxxxx"}: of the received frames in the order in which
the file holds them. An error of the package ends the program with its words.
"""

import json
import sys
import zlib

from mcap.reader import make_reader


def counts(path: str) -> dict[str, int | str]:
    """Reads the whole file."""
    frames = frame_bytes = crc = 0
    with open(path, "rb") as file:
        reader = make_reader(file, validate_crcs=True)
        messages = reader.iter_messages(log_time_order=False)
        for _, channel, message in messages:
            if channel.topic.endswith("/received"):
                frames += 1
                frame_bytes += len(message.data)
                crc = zlib.crc32(message.data, crc)
    return {"frames": frames, "frame_bytes": frame_bytes, "crc32": f"{crc:08x}"}


if __name__ == "__main__":
    print(json.dumps(counts(sys.argv[1])))
