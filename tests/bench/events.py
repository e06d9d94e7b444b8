"""Player events for the benchmarks: seeded, of the size that production shows."""

import json
import random
import time
from pathlib import Path
from typing import Any

# A prime, so that a batch lost and another doubled do not fall on the same events.
DISTINCT_EVENTS = 19_997
MEAN_BYTES = 643
_HOUR_S = 3600
# The top of the last full hour: recent enough for any retention, and a million records, 1 ms apart, stay in it.
START_MS = (int(time.time()) // _HOUR_S - 1) * _HOUR_S * 1000
_EVENT_TIME_MS = 1_760_000_400_000  # fixed, so that the same seed gives the same bytes
_SESSION_COUNT = 500
_NAMES = ("heartbeat",) * 12 + ("playing", "paused", "seeking", "seeked", "buffering", "buffered", "bitrate_changed")
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36",
)
_REFERRER = (
    b"https://www.example.net/watch?list=continue&row=3&position=7&autoplay=true&profile=main&from=" + b"home." * 20
)


def generate(seed: int = 1, count: int = DISTINCT_EVENTS) -> list[bytes]:
    """Give `count` events, one JSON object of about 643 bytes each, none holding a newline."""
    draw = random.Random(seed)
    sessions = [_session(draw) for _ in range(_SESSION_COUNT)]
    return [_event(draw, draw.choice(sessions), index) for index in range(count)]


def write(path: Path, events: list[bytes]) -> None:
    """Write one event a line."""
    path.write_bytes(b"".join(event + b"\n" for event in events))


def partition_key(event: bytes) -> str:
    """Give the key under which the event is put: its session."""
    session: str = json.loads(event)["sessionId"]
    return session


def _session(draw: random.Random) -> dict[str, Any]:
    return {
        "sessionId": f"{draw.getrandbits(128):032x}",
        "userId": f"{draw.getrandbits(64):016x}",
        "deviceId": f"{draw.getrandbits(96):024x}",
        "contentId": f"asset-{draw.randrange(4000):05d}",
        "userAgent": draw.choice(_AGENTS),
        "duration": draw.randrange(600, 7200) * 1000,
    }


def _event(draw: random.Random, session: dict[str, Any], index: int) -> bytes:
    event = {
        "event": draw.choice(_NAMES),
        "sessionId": session["sessionId"],
        "timestamp": _EVENT_TIME_MS + index * 13 + draw.randrange(1000),
        "playhead": draw.randrange(session["duration"]),
        "duration": session["duration"],
        "payload": {
            "contentId": session["contentId"],
            "contentUrl": f"https://cdn.example.net/vod/{session['contentId']}/manifest.mpd",
            "userId": session["userId"],
            "deviceId": session["deviceId"],
            "userAgent": session["userAgent"],
            "bitrate": draw.choice((800, 1600, 3200, 6000)) * 1000 + draw.randrange(1000),
            "width": draw.choice((640, 1280, 1920)),
            "droppedFrames": draw.randrange(40),
            "bufferLevelMs": draw.randrange(30_000),
            "requestId": f"{draw.getrandbits(128):032x}",
        },
    }
    text = json.dumps(event, separators=(",", ":")).encode()
    # A referrer of varying length brings the mean to that of production. It is the same text in each
    # event: random words would make zlib slower than real events do, which flatters whoever avoids it.
    missing = MEAN_BYTES - len(text) + draw.randrange(-60, 61) - len(b',"referrer":""')
    return text[:-2] + b',"referrer":"' + _REFERRER[: max(0, missing)] + b'"}}'
