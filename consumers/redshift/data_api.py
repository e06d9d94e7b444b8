"""Access to the database by the Redshift Data API, without a connection or a driver.

A load is one batch, which is one transaction. A batch cannot look at results, so its checks are statements that fail by
themselves. The token makes a repeated request run once. Source: Amazon Redshift Data API, BatchExecuteStatement.
"""

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from consumers import aws
from consumers.reached import at
from consumers.redshift import data_answers as answers
from consumers.redshift.database import Away, Conflict, Refused, Taken, TooSlow, Unsure
from consumers.redshift.transaction import Step

MOST_STATEMENTS = 40
_MOST_PAGES = 100_000
_POLL_S = 0.2
_LONGEST_POLL_S = 2.0
_CANCEL_S = 60.0
_CODE = re.compile("[A-Za-z0-9.]{1,80}")
_AGAIN = "none: it is tried again"
_OPERATOR = {
    "AccessDeniedException": "grant redshift-data:BatchExecuteStatement, ExecuteStatement, DescribeStatement, "
    "GetStatementResult and CancelStatement, and redshift:GetClusterCredentials",
    "ValidationException": "correct redshift.cluster or redshift.workgroup, redshift.database and redshift.user",
    "ResourceNotFoundException": "correct redshift.cluster or redshift.workgroup",
}


@dataclass(frozen=True, slots=True)
class DataApiAccess:
    """How to reach the database. `statement_s` and `copy_s` limit a statement and COPY, in seconds."""

    cluster: str
    workgroup: str
    database: str
    user: str
    region: str
    endpoint: str
    statement_s: int
    copy_s: int


class DataApi:
    """A database behind the Data API."""

    def __init__(
        self,
        access: DataApiAccess,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Store the configuration. The client is made at the first call."""
        self._access = access
        self._clock = clock
        self._pause = pause
        self._client: Any = None
        target = {"WorkgroupName": access.workgroup} if access.workgroup else {"ClusterIdentifier": access.cluster}
        if access.user and not access.workgroup:
            target["DbUser"] = access.user
        self._target = {**target, "Database": access.database}

    def transact(self, steps: Sequence[Step], token: str) -> None:
        """Run the steps and commit, in one batch."""
        sqls = [self._limit(), *(step.checked for step in steps)]
        if len(sqls) > MOST_STATEMENTS:
            message = f"{len(sqls)} statements, and a batch has {MOST_STATEMENTS}: lower redshift.loadFiles"
            raise Refused(message)
        limit_s = self._access.copy_s + len(sqls) * self._access.statement_s
        try:
            answer = self._call("batch_execute_statement", Sqls=sqls, ClientToken=token, **self._target)
        except Away as fault:
            if fault.operator:
                raise  # it was refused, and so nothing ran
            raise _unsure(fault) from fault
        try:
            failure = answers.failure_of(self._ended(answers.id_of(answer), limit_s), len(sqls))
        except Away as fault:
            raise _unsure(fault) from fault
        if failure:
            self._failed(steps[failure.at - 1].kind if failure.at else "limit", failure.error)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        statement_id, described = self._alone(query)
        if described.get("HasResultSet") is False:
            what = "a query has no result"
            raise answers.odd(what)
        rows: list[tuple[Any, ...]] = []
        page: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            answer = self._call("get_statement_result", Id=statement_id, **page)
            found = answers.rows_of(answer, len(rows[0]) if rows else None)
            rows += found
            if not answer.get("NextToken"):
                answers.insist_on_all(described, answer, rows)
                return rows
            answers.insist_on_progress(described, found, rows)
            if answer["NextToken"] == page.get("NextToken"):
                break
            page = {"NextToken": answer["NextToken"]}
        what = "a result goes on where it was, or has no end"
        raise answers.odd(what)

    def alter(self, statement: str) -> None:
        """Run one statement by itself."""
        self._alone(statement, "statement")

    def close(self) -> None:
        """Do nothing: no connection is open."""

    def _alone(self, sql: str, kind: str = "query") -> tuple[str, dict[str, Any]]:
        statement_id = answers.id_of(self._call("execute_statement", Sql=sql, **self._target))
        ended = self._ended(statement_id, self._access.statement_s)
        if ended["Status"] != answers.FINISHED:
            self._failed(kind, str(ended.get("Error", ended["Status"])))
        return statement_id, ended

    def _limit(self) -> str:
        return f"SET statement_timeout TO {self._access.statement_s * 1000}"

    def _ended(self, statement_id: str, limit_s: float) -> dict[str, Any]:
        """Wait for a statement. One that takes too long is cancelled, and waited for up to _CANCEL_S seconds more."""
        until, pause_s, cancelled = self._clock() + limit_s, _POLL_S, False
        while True:
            described = self._call("describe_statement", Id=statement_id)
            if not answers.is_running(described, statement_id):
                return described
            if self._clock() >= until:
                if cancelled:
                    reason = f"statement {statement_id} runs on, cancelled or not"
                    raise Away(reason, _AGAIN)
                with suppress(Away):  # it may have ended just now
                    self._call("cancel_statement", Id=statement_id)
                until, cancelled = self._clock() + _CANCEL_S, True
            self._pause(pause_s)
            pause_s = min(pause_s * 1.5, _LONGEST_POLL_S)

    def _failed(self, kind: str, error: str) -> NoReturn:
        """Raise the exception for a failed statement, by the words of its error: the API gives no codes."""
        if answers.is_conflict(error):
            reason = f"{kind}: another transaction was in the way"
            raise Conflict(reason, _AGAIN)
        if answers.is_cancelled(error):
            if kind == "copy":
                raise TooSlow
            reason = f"{kind}: the database took too long"
            raise (Conflict if kind == "lock" else Away)(reason, _AGAIN)
        if kind == "taken" and answers.is_unmet(error):
            raise Taken
        if kind == "count" and answers.is_unmet(error):
            message = "COPY loaded another number of rows than the objects hold"
            raise Refused(message)
        if kind in {"copy", "statement"}:
            raise Refused(error[:300])
        reason = f"{kind}: {error[:300]}"
        raise Away(reason, "look at it; if a table is missing: kinesis-fleet redshift-ddl --apply FILE", operator=True)

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - botocore's
        try:
            self._client = self._client or self._connect()
            answer: dict[str, Any] = getattr(self._client, operation)(**request)
        except ClientError as fault:
            code = str(fault.response.get("Error", {}).get("Code", ""))
            code = code if _CODE.fullmatch(code) else "an error without a code"
            reason = f"the Data API refuses {operation}: {code}"
            raise Away(reason, _OPERATOR.get(code, _AGAIN), operator=code in _OPERATOR) from fault
        except ParamValidationError as fault:  # the message quotes SQL, not data
            reason = f"the Data API cannot be asked for {operation}: {str(fault)[:300]}"
            raise Away(reason, _OPERATOR["ValidationException"], operator=True) from fault
        except (ResponseParserError, KeyError, TypeError, AttributeError) as fault:  # as for an HTML page
            what = f"the answer to {operation} cannot be read ({type(fault).__name__})"
            raise answers.odd(what) from fault
        except (BotoCoreError, ValueError, RuntimeError) as fault:  # as for bad credentials
            self._client = None
            aws.forget()
            reason = f"the Data API did not answer {operation}: {type(fault).__name__}{at(fault)}"
            raise Away(reason, _AGAIN) from fault
        return answer

    def _connect(self) -> Any:  # noqa: ANN401 - botocore's clients have no types
        config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})
        region, endpoint = self._access.region or None, self._access.endpoint or None
        return aws.client("redshift-data", region_name=region, endpoint_url=endpoint, config=config)


def _unsure(fault: Away) -> Unsure:
    """Return the error for a batch that was sent, and may be committed although its answer is missing."""
    return Unsure(fault.reason, fault.remedy if fault.operator else "none: the ledger is read", operator=fault.operator)
