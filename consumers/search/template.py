"""The index template: the wanted one, the installed one, and the differences.

The consumer only checks that a template is installed. A command installs it, since a mapping cannot be taken back.
"""

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from consumers.documents.twice import has_key_twice
from consumers.search.names import pattern_of
from consumers.search.server import Answer, SearchServer
from consumers.undecodable import UNDECODABLE, said
from consumers.waiting import Unavailable

EPAS = "epas"
NONE = "none"
_EPAS_FILE = Path(__file__).with_name("epas.json")
_PRIORITY = 200  # above the servers' own templates, which have 100
_MOST_VALUES = 100_000
_OK, _ABSENT = 200, 404
_PARTS = frozenset({"settings", "mappings", "aliases"})


class WrongTemplate(Exception):
    """The file given as index.template cannot be used."""

    exit_code = 78


@dataclass(frozen=True, slots=True)
class Template:
    """A composable index template, by its name on the server."""

    name: str
    body: Mapping[str, Any]


def template_of(name: str, source: str, *, data_stream: bool) -> Template:
    """Make the template for indices of these names, from `epas` or a JSON file of settings, mappings and aliases.

    Raises:
        WrongTemplate: the file cannot be read, or is no template.
    """
    path = _EPAS_FILE if source == EPAS else Path(source)
    try:
        text = path.read_bytes().removeprefix(codecs.BOM_UTF8)
        content = msgspec.json.decode(text, type=dict[str, Any])
    except OSError as fault:
        message = f"index.template {source} cannot be read: {fault.strerror}. Give epas, none, or the path of a file"
        raise WrongTemplate(message) from fault
    except UNDECODABLE as fault:
        message = f"index.template {source} is no JSON object: {said(fault)}. Correct it"
        raise WrongTemplate(message) from fault
    if has_key_twice(text, _MOST_VALUES):
        message = f"index.template {source} has a key twice in an object, of which one would count. Delete one"
        raise WrongTemplate(message)
    if strange := content.keys() - _PARTS:
        message = f"index.template {source} has {', '.join(sorted(strange))}. Give settings, mappings and aliases only"
        raise WrongTemplate(message)
    pattern = pattern_of(name)
    body: dict[str, Any] = {"index_patterns": [pattern], "priority": _PRIORITY, "template": content}
    if data_stream:
        body["data_stream"] = {}
    return Template(f"kinesis-fleet-{pattern.strip('*.-_')}", body)


def find(server: SearchServer, name: str) -> Mapping[str, Any] | None:
    """Return the template that is installed on the server, or None.

    Raises:
        Unavailable: the server did not answer, or refuses.
    """
    what = f"GET _index_template/{name}"
    answer = server.ask("GET", f"/_index_template/{name}")
    if answer.status == _ABSENT and _json_of(answer) is not None:  # an HTML page proves nothing
        return None
    if answer.status != _OK:
        raise refused(what, answer)
    try:
        found = msgspec.json.decode(answer.body, type=dict[str, Any])["index_templates"][0]
        body: Mapping[str, Any] = found["index_template"]
        found_name = found.get("name", name)
    except (*UNDECODABLE, KeyError, IndexError, TypeError, AttributeError) as fault:
        raise _no_answer(what, "no template") from fault
    if found_name != name or not isinstance(body, Mapping):
        raise _no_answer(what, "another template, or none")
    return body


def greet(server: SearchServer) -> None:
    """Check that the server accepts the credentials. A server may have no page at its root, so 404 is accepted too.

    Raises:
        Unavailable: the server did not answer, or refuses.
    """
    what = "GET /"
    answer = server.ask("GET", "/")
    if answer.status not in {_OK, _ABSENT}:
        raise refused(what, answer)


def install(server: SearchServer, template: Template) -> None:
    """Install the template, and replace any of the same name.

    Raises:
        Unavailable: the server did not answer, or refuses.
    """
    what = f"PUT _index_template/{template.name}"
    answer = server.ask("PUT", f"/_index_template/{template.name}", msgspec.json.encode(template.body))
    if answer.status != _OK:
        raise refused(what, answer)
    if (_json_of(answer) or {}).get("acknowledged") is not True:
        raise _no_answer(what, "no word that it was taken")


def _json_of(answer: Answer) -> Mapping[str, Any] | None:
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except UNDECODABLE:
        return None


def _no_answer(what: str, said_of_it: str) -> Unavailable:
    reason = f"{what}: the answer is {said_of_it}"
    return Unavailable(reason, "look at what answers at index.url, such as a proxy", operator=True)


def refused(what: str, answer: Answer) -> Unavailable:
    """Return the error for a server that refuses a request about templates."""
    if answer.status in {401, 403}:
        return Unavailable(
            f"{what}: HTTP {answer.status}",
            "correct index.auth and index.credentialFile, or grant what it asks for (index-template: "
            "manage_index_templates)",
            operator=True,
        )
    transient = answer.status == 429 or answer.status >= 500  # noqa: PLR2004 - HTTP's
    body = answer.body[:500].decode(errors="replace") if _json_of(answer) else "with no words of a search server's"
    reason = f"{what}: HTTP {answer.status} {body}"
    return Unavailable(reason, "correct index.url or the template, as the answer says", operator=not transient)


def differences(wanted: Mapping[str, Any], standing: Mapping[str, Any]) -> list[str]:
    """List where two templates differ, by path: `template.mappings.dynamic: false, on the server true`."""
    return list(_differences("", _plain(wanted), _plain(standing)))


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a comparable form: without what servers add, and with flat settings as text, as servers return them."""
    template = body.get("template", {})
    settings = {name: _text(value) for name, value in _flat("", template.get("settings", {}))}
    return {
        "index_patterns": list(body.get("index_patterns", ())),
        "priority": body.get("priority"),
        "data_stream": "data_stream" in body,
        "settings": settings,
        "mappings": _as_text(template.get("mappings", {})),
        "aliases": template.get("aliases", {}),
    }


def _flat(prefix: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            path = f"{prefix}{name}"
            yield (path if path.startswith("index.") else f"index.{path}"), value


def _as_text(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Replace booleans by text, as servers return them: they treat both alike."""
    if isinstance(value, Mapping):
        return {name: _as_text(inner) for name, inner in value.items()}
    return _text(value) if isinstance(value, bool) else value


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return str(value).lower() if isinstance(value, bool) else str(value)


def _differences(path: str, wanted: Any, standing: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(wanted, Mapping) and isinstance(standing, Mapping):
        for name in dict.fromkeys((*wanted, *standing)):
            yield from _differences(f"{path}.{name}" if path else name, wanted.get(name), standing.get(name))
    elif wanted != standing:
        yield f"{path}: {_shown(wanted)}, on the server {_shown(standing)}"


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON
    return "absent" if value is None else msgspec.json.encode(value).decode()
