"""Answers of the Data API that lack something, or are none of its own: nothing is loaded, overtaken or read by one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from consumers.redshift.data_api import DataApi, DataApiAccess
from consumers.redshift.database import Away, Conflict, Refused, Taken, TooSlow, Unsure
from consumers.redshift.transaction import Step
from consumers.waiting import Unavailable
from tests.s3.middlebox import Given, middlebox
from tests.support.servers import KEYS

STEPS = (
    Step("lock", "LOCK l"),
    Step("ledger", "INSERT"),
    Step("taken", "SELECT COUNT(*) FROM l", 0),
    Step("copy", "COPY"),
    Step("count", "SELECT pg_last_copy_count()", 3),
)
SENT = len(STEPS) + 1  # and the limit before them
DIVIDED = "ERROR: Divide by zero"
FINISHED, FAILED, ABORTED = ({"Status": status} for status in ("FINISHED", "FAILED", "ABORTED"))
DONE = {"Status": "FINISHED", "SubStatements": [FINISHED] * SENT}

Answer = Mapping[str, Any]


class Client:
    """Answers each operation with what it was given; a list is given one after the other."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"batch_execute_statement": {"Id": "b"}, "execute_statement": {"Id": "q"}, **answers}
        self.asked: list[str] = []

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def answer(**_: Any) -> Any:
            self.asked.append(operation)
            found = self.answers[operation]
            return found.pop(0) if isinstance(found, list) else found

        return answer


def api(client: object) -> DataApi:
    """Give the database with this client in the place of the network."""
    clock = iter(range(1 << 20))
    access = DataApiAccess("c", "", "dev", "u", "us-east-1", "", 60, 60)
    database = DataApi(access, clock=lambda: float(next(clock)), pause=lambda _: None)
    database._client = client
    return database


def failed(at: int, error: str = "", *, status: str = "FAILED", listed: bool = True) -> Answer:
    """Describe a batch that ended at one of its statements."""
    subs = [FINISHED] * at + [{"Status": status, "Error": error}] + [ABORTED] * (SENT - at - 1)
    return {"Status": status, "Error": error, "SubStatements": subs if listed else subs[: at + 1]}


@pytest.mark.parametrize(
    ("described", "raised"),
    [
        (failed(3, DIVIDED), Taken),
        (failed(3, "ERROR: division by zero [ErrorId: 1-6]"), Taken),
        (failed(3, DIVIDED, listed=False), Taken),
        (failed(5, DIVIDED), Refused),
        (failed(4, "ERROR: Load into table 'events' failed.  Check 'sys_load_error_detail'"), Refused),
        (failed(4, "ERROR: line 1023 of the file is too long"), Refused),
        (failed(4, "ERROR: Query (123) cancelled on user's request"), TooSlow),
        (failed(4, "ERROR: Query (123) cancelled on user's request", status="ABORTED"), TooSlow),
        (failed(2, "ERROR: 1023\n  Detail: Serializable isolation violation on table"), Conflict),
        (failed(1, "ERROR: deadlock detected"), Conflict),
    ],
)
def test_evidence(described: Answer, raised: type[Exception]) -> None:
    """A load is overtaken, refused, too slow or in another's way where the server's words say just that."""
    with pytest.raises(raised):
        api(Client(describe_statement=described)).transact(STEPS, "t")


@pytest.mark.parametrize(
    "error",
    [
        "",
        "ERROR: permission denied for relation events_ledger",
        "ERROR: out of memory",
        "ERROR: internal error 1017",
        "ERROR: relation does not exist",
        "ERROR: 0",
    ],
)
@pytest.mark.parametrize("at", [0, 1, 2, 3, 5])
def test_no_evidence(error: str, at: int) -> None:
    """Whatever else ends a statement is neither another loader nor a fault of the objects: it is waited out."""
    with pytest.raises(Away) as fault:
        api(Client(describe_statement=failed(at, error))).transact(STEPS, "t")
    assert fault.value.remedy


@pytest.mark.parametrize(
    "described",
    [
        {},
        {"Status": "SLEEPING"},
        {"Status": None},
        {"Status": "FINISHED"},
        {"Status": "FINISHED", "SubStatements": None},
        {"Status": "FINISHED", "SubStatements": []},
        {"Status": "FINISHED", "SubStatements": [FINISHED] * (SENT - 1)},
        {"Status": "FINISHED", "SubStatements": [FINISHED] * (SENT + 1)},
        {"Status": "FINISHED", "SubStatements": [FINISHED] * (SENT - 1) + [{}]},
        {"Status": "FINISHED", "SubStatements": [FINISHED] * (SENT - 1) + [FAILED]},
        {"Status": "FINISHED", "SubStatements": [FINISHED] * (SENT - 1) + [{"Status": "STARTED"}]},
        {"Status": "FINISHED", "SubStatements": ["FINISHED"] * SENT},
        {**DONE, "Id": "another"},
        {**DONE, "Id": None},
        {**failed(3, DIVIDED), "Id": "another"},
        {"Status": "FAILED", "SubStatements": [{**FAILED, "Error": DIVIDED, "Id": "b:4"}, {**FINISHED, "Id": "b:1"}]},
        {"Status": "FAILED"},
        {"Status": "FAILED", "SubStatements": [FINISHED] * SENT},
        {"Status": "ABORTED", "SubStatements": [FINISHED] * 3},
        {"Status": "FAILED", "SubStatements": [FINISHED, {"Status": "STARTED"}, FAILED]},
        {"Status": "FAILED", "SubStatements": [FINISHED, {}, {"Status": "FAILED", "Error": DIVIDED}]},
    ],
)
def test_unsure(described: Answer) -> None:
    """A batch whose end is not told whole may stand: the ledger is asked, and nothing is counted before."""
    with pytest.raises(Unsure):
        api(Client(describe_statement=described)).transact(STEPS, "t")


def test_finished() -> None:
    """A batch of which each statement is finished stands."""
    running = {"Status": "STARTED", "SubStatements": [{"Status": "STARTED"}] * SENT}
    numbered = {**DONE, "Id": "b", "SubStatements": [{**FINISHED, "Id": f"b:{at + 1}"} for at in range(SENT)]}
    for done in (DONE, numbered):
        api(Client(describe_statement=[running, done])).transact(STEPS, "t")


def test_no_id() -> None:
    """A batch without an id may run; a query without one does not count."""
    with pytest.raises(Unsure):
        api(Client(batch_execute_statement={})).transact(STEPS, "t")
    with pytest.raises(Away):
        api(Client(execute_statement={"Id": ""})).ask("SELECT 1")


def page(records: Any, token: str = "", **more: Any) -> dict[str, Any]:
    """Write a page of a result."""
    return {"Records": records, **({"NextToken": token} if token else {}), **more}


A, B = [{"stringValue": "a"}, {"longValue": 1}], [{"stringValue": "b"}, {"isNull": True}]
ODD_CELLS: tuple[object, ...] = (
    {},
    None,
    "a",
    {"isNull": False},
    {"stringValue": None},
    {"stringValue": 1},
    {"longValue": "1"},
    {"longValue": 1.5},
    {"arrayValue": []},
    {"stringValue": "a", "longValue": 1},
)
TWO = [{"name": "x"}, {"name": "y"}]


@pytest.mark.parametrize(
    ("described", "pages", "rows"),
    [
        ({}, [page([A, B])], [("a", 1), ("b", None)]),
        ({"HasResultSet": True, "ResultRows": 2}, [page([A], "t"), page([B], TotalNumRows=2)], [("a", 1), ("b", None)]),
        ({"ResultRows": 0}, [page([], ColumnMetadata=TWO)], []),
        ({"ResultRows": -1}, [page([A], ColumnMetadata=TWO)], [("a", 1)]),
    ],
)
def test_rows(described: Answer, pages: list[Answer], rows: Sequence[object]) -> None:
    """A result is read to its end, page by page."""
    client = Client(describe_statement={"Status": "FINISHED", **described}, get_statement_result=pages)
    assert api(client).ask("SELECT 1") == rows


@pytest.mark.parametrize(
    ("described", "pages"),
    [
        ({"HasResultSet": False}, [page([A])]),
        ({}, [{}]),
        ({}, [page([])]),
        ({"Id": "another"}, [page([A])]),
        ({}, [page(None)]),
        ({}, [page("none")]),
        ({}, [page(["none"])]),
        ({}, [page([A], "t"), page([B], "t"), page([A], "t")]),
        ({}, [page([], "s"), page([], "t")] * 1000),
        ({"ResultRows": 2}, [page([A], "s"), page([B], "t")] * 1000),
        ({}, [page([A], "t"), page([[{"stringValue": "b"}]])]),
        ({}, [page([A, [{"stringValue": "b"}]])]),
        ({}, [page([[{"stringValue": "b"}]], ColumnMetadata=TWO)]),
        ({}, [page([[]], ColumnMetadata=TWO)]),
        ({"ResultRows": 2}, [page([A])]),
        ({}, [page([A], "t"), page([B], TotalNumRows=3)]),
        *(({}, [page([[cell, {"longValue": 1}]])]) for cell in ODD_CELLS),
    ],
)
def test_odd_rows(described: Answer, pages: list[Answer]) -> None:
    """A result of which a part is missing, or no value of any type, is not read, so that no row of the ledger is."""
    client = Client(describe_statement={"Status": "FINISHED", **described}, get_statement_result=pages)
    with pytest.raises(Away) as fault:
        api(client).ask("SELECT 1")
    assert "proxy" in fault.value.remedy


PAGE = b"<html><body>Back soon, Mrs. O'Hara</body></html>"
ID = b'{"Id": "b"}'


@pytest.mark.parametrize(
    "body", [PAGE, b"", b"[]", b"null", b"1", b'"b"', b'{"Id": 7}', b"\xff", b"{", b'{"__type":1}']
)
@pytest.mark.parametrize("status", [200, 201, 204, 302, 403, 404, 500, 502])
def test_pages(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes) -> None:
    """Whatever answers in the place of the Data API is waited out, and nothing of it is repeated."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with middlebox() as box:
        database = DataApi(DataApiAccess("c", "", "dev", "u", "us-east-1", box.endpoint, 60, 60))
        box.answer = lambda *_: Given(status, {"Content-Type": "text/html"}, body)
        for call in (lambda: database.transact(STEPS, "t"), lambda: database.ask("SELECT 1")):
            with pytest.raises(Unavailable) as fault:
                call()
            assert "Hara" not in str(fault.value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"Status": "FINISHED", "SubStatements": "all"}',
        b'{"Status": "FINISHED", "SubStatements": {"Status": "FINISHED"}}',
        b'{"Status": ["FINISHED"]}',
        b'{"Status": "FINISHED", "SubStatements": [null]}',
        b'{"Status": "FINISHED", "HasResultSet": "yes", "SubStatements": [[]]}',
        b'{"Records": [{}], "Status": "FINISHED"}',
        b'{"Records": [[7]], "Status": "FINISHED"}',
        b'{"Records": [[{"stringValue": {}}]], "Status": "FINISHED"}',
    ],
)
def test_wrong_types(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    """JSON of other types than the API's ends no process."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with middlebox() as box:
        database = DataApi(DataApiAccess("c", "", "dev", "u", "us-east-1", box.endpoint, 60, 60))
        answers = {"transact": [ID, body], "ask": [ID, body, body]}
        for name, call in (
            ("transact", lambda: database.transact(STEPS, "t")),
            ("ask", lambda: database.ask("SELECT 1")),
        ):
            left = iter(answers[name])
            box.answer = lambda *_, left=left: Given(200, {}, next(left, body))
            with pytest.raises(Unavailable):
                call()
