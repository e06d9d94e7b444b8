"""Viewing sessions in the form of Eyevinn's Player Analytics Specification (EPAS).

Each event is valid by the JSON schema of npm ``@eyevinn/player-analytics-specification``.
"""

import random
import uuid
from collections.abc import Iterator
from typing import Any

Event = dict[str, Any]

HEARTBEAT_MS = 10_000
_LADDER = (  # bitrate (bit/s), width, height
    (800_000, 640, 360),
    (1_800_000, 960, 540),
    (3_500_000, 1280, 720),
    (6_500_000, 1920, 1080),
)
_TITLES = (
    "The Long Winter",
    'Ärlighet & "mod"',
    "夜の電車",
    "Kvällens match",
    "Late Show\\Uncut",
    "Nature's Own 🦊",
)
_DEVICES = (("web", "Chrome 142"), ("tv", "QLED 55"), ("phone", "Pixel 11"), ("stb", "ARRIS 5"))
# The probability of each incident between two heartbeats; otherwise the player plays on.
_PAUSES, _SEEKS, _STALLS, _SWITCHES, _WARNS, _FAILS = 0.05, 0.06, 0.05, 0.10, 0.01, 0.004
_LIVE = 0.1


class Session:
    """One viewer of one piece of content: a clock, a playhead and a random generator."""

    def __init__(self, rng: random.Random, start_ms: int) -> None:
        """Begin a session at ``start_ms``. ``rng`` decides what happens."""
        self._rng = rng
        self._now_ms = start_ms
        self._playhead_ms = 0
        self._duration_ms = rng.randrange(60, 5400) * 1000
        self._id = str(uuid.UUID(int=rng.getrandbits(128), version=4))

    def events(self) -> Iterator[Event]:
        """Yield the session's events in the order of time, from ``init`` to ``stopped``."""
        yield from self._begin()
        while self._playhead_ms < self._duration_ms:
            self._pass(HEARTBEAT_MS, playing=True)
            yield self._event("heartbeat")
            dice = self._rng.random()
            if dice < _FAILS:
                yield self._event("error", **self._fault("DECODE_FAILED", "The decoder gave up"))
                yield self._event("stopped", reason="error")
                return
            yield from self._incident(dice)
        yield self._event("stopped", reason="ended")

    def _begin(self) -> Iterator[Event]:
        yield self._event("init")
        yield self._event("metadata", **self._metadata())
        for name in ("loading", "loaded", "playing"):
            self._pass(self._rng.randrange(20, 900))
            yield self._event(name)

    def _incident(self, dice: float) -> Iterator[Event]:
        steps = (
            (_PAUSES, self._pause),
            (_SEEKS, self._seek),
            (_STALLS, self._stall),
            (_SWITCHES, self._switch),
            (_WARNS, self._warn),
        )
        edge = _FAILS
        for chance, incident in steps:
            edge += chance
            if dice < edge:
                yield from incident()
                return

    def _pause(self) -> Iterator[Event]:
        yield self._event("paused")
        for _ in range(self._rng.randrange(4)):
            self._pass(HEARTBEAT_MS)
            yield self._event("heartbeat")
        self._pass(self._rng.randrange(500, 9000))
        yield self._event("playing")

    def _seek(self) -> Iterator[Event]:
        yield self._event("seeking")
        self._playhead_ms = self._rng.randrange(self._duration_ms)
        self._pass(self._rng.randrange(30, 600))
        yield self._event("seeked")
        yield from self._stall()

    def _stall(self) -> Iterator[Event]:
        yield self._event("buffering")
        self._pass(self._rng.randrange(100, 4000))
        yield self._event("buffered")

    def _switch(self) -> Iterator[Event]:
        bitrate, width, height = self._rng.choice(_LADDER)
        yield self._event(
            "bitrate_changed",
            bitrate=bitrate,
            width=width,
            height=height,
            videoBitrate=bitrate - 128_000,
            audioBitrate=128_000,
        )

    def _warn(self) -> Iterator[Event]:
        yield self._event("warning", **self._fault("SEGMENT_RETRY", "A segment came late"))

    def _pass(self, span_ms: int, *, playing: bool = False) -> None:
        self._now_ms += span_ms
        if playing:
            self._playhead_ms = min(self._playhead_ms + span_ms, self._duration_ms)

    def _event(self, name: str, **payload: Any) -> Event:
        event: Event = {
            "event": name,
            "sessionId": self._id,
            "timestamp": self._now_ms,
            "playhead": self._playhead_ms,
            "duration": self._duration_ms,
        }
        if payload:
            event["payload"] = payload
        return event

    def _fault(self, code: str, message: str) -> dict[str, str]:
        return {"category": "NETWORK", "code": code, "message": message}

    def _metadata(self) -> dict[str, Any]:
        content = self._rng.randrange(10_000)
        kind, model = self._rng.choice(_DEVICES)
        return {
            "live": self._rng.random() < _LIVE,
            "contentTitle": self._rng.choice(_TITLES),
            "contentId": f"vod-{content}",
            "contentUrl": f"https://cdn.example.com/{content}/manifest.mpd",
            "drmType": "widevine",
            "userId": f"user-{self._rng.randrange(100_000)}",
            "deviceId": f"{self._rng.getrandbits(48):012x}",
            "deviceModel": model,
            "deviceType": kind,
        }
