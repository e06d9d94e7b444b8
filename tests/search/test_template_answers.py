"""Answers to questions about templates: a page is neither a template nor the word that there is none."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from consumers.search.server import Answer
from consumers.search.template import Template, find, install
from consumers.waiting import Unavailable

NAME = "kinesis-fleet-events"
PAGE = b"<html>Mrs. O'Hara</html>"
BODY = {"index_patterns": ["events-*"]}


class Server:
    """Gives one answer."""

    def __init__(self, status: int, body: object) -> None:
        self.answer = Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), "")

    def ask(self, *_: Any, **__: Any) -> Answer:
        return self.answer


def found(name: str = NAME, body: object = BODY) -> dict[str, object]:
    """Write the answer of a server with a template."""
    return {"index_templates": [{"name": name, "index_template": body}]}


STATUSES = (200, 201, 204, 302, 403, 404, 500)
NO_TEMPLATES: tuple[object, ...] = (
    {},
    {"index_templates": []},
    {"index_templates": {}},
    {"index_templates": [7]},
    found("other"),
    found(body=None),
    found(body="x"),
)


def look(server: Server) -> object:
    return find(server, NAME)


def put(server: Server) -> None:
    install(server, Template(NAME, BODY))


def test_what_a_search_server_says() -> None:
    """A template, that there is none, and that one was taken."""
    assert look(Server(200, found())) == BODY
    assert look(Server(404, {"error": {"type": "resource_not_found_exception"}, "status": 404})) is None
    put(Server(200, {"acknowledged": True}))


@pytest.mark.parametrize(
    ("ask", "status", "body"),
    [
        *((ask, status, body) for ask in (look, put) for status in STATUSES for body in (PAGE, b"", b"[]", b"7")),
        *((look, 200, body) for body in NO_TEMPLATES),
        *((put, 200, body) for body in ({}, {"acknowledged": False}, {"acknowledged": "true"}, {"acknowledged": None})),
    ],
)  # fmt: skip
def test_whatever_else_says_nothing(ask: Callable[[Server], object], status: int, body: object) -> None:
    """Nothing is installed, present or absent by it, and nothing of it is repeated."""
    with pytest.raises(Unavailable) as fault:
        ask(Server(status, body))
    assert "Hara" not in str(fault.value)
    assert fault.value.remedy
