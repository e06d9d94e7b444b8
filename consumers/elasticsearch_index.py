"""The search index: every event becomes one document in OpenSearch or Elasticsearch."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from consumers import __version__
from consumers.config.consumer import Consumer, Redrive, ShardContext
from consumers.config.settings import Settings
from consumers.documents.decode import Limits as DecodeLimits
from consumers.documents.meter import Meter
from consumers.grants import Account, Grant, Grants
from consumers.letters.aside import SetAside
from consumers.letters.breaker import Breaker
from consumers.letters.killer import finder
from consumers.letters.letter import Letter, LetterHead
from consumers.letters.permit import Permit
from consumers.letters.rejecting import letters_of
from consumers.letters.settings import KEYS, claim_letters, dead_letters, letter_faults, letter_grants, letter_store
from consumers.letters.starts import Starts, start_text
from consumers.letters.suspects import Suspects
from consumers.pipeline import Pipeline
from consumers.readiness import insist, insist_on_conditions
from consumers.records import HOUR_MS, Record
from consumers.search.batch import IndexBatch
from consumers.search.batcher import IndexBatcher, Limits, gathered
from consumers.search.bulk import Bulk, Stuck
from consumers.search.following import Following
from consumers.search.indexer import Indexer
from consumers.search.judge import Judge
from consumers.search.names import IndexNames
from consumers.search.server import HttpServer, ServerAccess
from consumers.search.settings import IndexSettings, faults, shape_of, urls_of
from consumers.search.template import NONE, Template, find, greet, template_of
from consumers.stream import stream_of
from consumers.waiting import Unavailable

SECTION = "index"
_REDRIVE_TRIES = 3  # of a document sent alone: a command may take a minute, and its user sees the outcome


def _faults(settings: IndexSettings) -> Iterator[tuple[str, str]]:
    yield from faults(settings)
    yield from letter_faults(settings, SECTION)


def server_of(index: IndexSettings) -> HttpServer:
    """Return the client of the configured search server."""
    return HttpServer(
        ServerAccess(
            urls=urls_of(index),
            plain_http=index.plain_http,
            auth=index.auth,
            credential_file=index.credential_file,
            region=index.region,
            ca_file=index.ca_file,
            client_certificate_file=index.client_certificate_file,
            client_key_file=index.client_key_file,
            request_s=index.request_seconds,
        )
    )


def wanted_template(index: IndexSettings) -> Template:
    """Return the configured index template.

    Raises:
        WrongTemplate: the template's file cannot be used.

    """
    return template_of(index.name, index.template, data_stream=index.data_stream)


def _probe(index: IndexSettings) -> None:
    insist_on_conditions(f"{SECTION}.{KEYS}", letter_store(index, SECTION))
    server = server_of(index)

    def ask() -> None:
        if index.template == NONE:
            greet(server)
        elif find(server, wanted_template(index).name) is None:
            reason = f"there is no index template {wanted_template(index).name}"
            remedy = "install it: kinesis-fleet index-template FILE; or bring your own, and set index.template = none"
            raise Unavailable(reason, remedy, operator=True)

    insist(f"{SECTION}.url {index.url}", ask)


def _build(settings: Settings) -> Callable[[ShardContext], Pipeline[IndexBatch]]:
    index: IndexSettings = settings.section
    limits = Limits(index.max_bytes, index.max_records, index.max_age_seconds)

    def build(context: ShardContext) -> Pipeline[IndexBatch]:
        store = letter_store(index, SECTION)
        names = IndexNames(store, settings.application, index.name)
        starts = Starts(store, settings.application, settings.stream, context.shard)
        meter = Meter()
        judge = _judge(settings, context.shard, names, meter)
        letters, head = dead_letters(index, store, settings.application), _head(settings, context.shard)
        permit = Permit(store, settings.application)
        aside = SetAside(letters, head, permit, context.log, context.start.checkpoint)
        find = finder(settings.stuck_s)
        claim = partial(claim_letters, store, index, settings.application, settings.stream, stream_of(settings))
        suspects = Suspects(starts, start_text(context.start), judge.judge, judge.condemn, context.log, find)
        following = Following(names, suspects, claim)
        indexer = Indexer(
            Bulk(server_of(index), index.max_bytes),
            letters,
            head,
            permit,
            Breaker(index.pause_records, index.pause_share),
            context.patience.clock,
            context.log,
        )
        batcher = IndexBatcher(limits, judge.judge, context.patience.clock, meter)
        return Pipeline(batcher, indexer, context.patience, following, aside)

    return build


def _judge(settings: Settings, shard: str, names: IndexNames, meter: Meter | None = None) -> Judge:
    index: IndexSettings = settings.section
    limits = DecodeLimits(max_inflated_bytes=index.max_inflated_bytes, inflated=(meter or Meter()).add)
    return Judge(settings.stream, shard, names.of, shape_of(index), limits)


def _redrive(settings: Settings) -> Redrive:
    index: IndexSettings = settings.section
    names = IndexNames(letter_store(index, SECTION), settings.application, index.name, declares=False)
    # A send that is repeated begins anew, so none may be interrupted: the clock stands still.
    bulk = Bulk(server_of(index), index.max_bytes, lambda: 0.0, tries_alone=_REDRIVE_TRIES)

    def redrive(shard: str, records: Sequence[Record]) -> Sequence[Letter]:
        """Index the records that can be indexed by now, in the indices that the first delivery chose."""
        names.learn({record.arrival_ms // HOUR_MS for record in records})
        batch = gathered(records, _judge(settings, shard, names).judge)
        try:
            bulk.send(batch)
        except Stuck as fault:  # the stuck documents stay dead letters, and the others are sent
            fault.reject()
            batch.forget_settled()
            bulk.send(batch)
        return letters_of(_head(settings, shard), batch.dead())

    return redrive


def _head(settings: Settings, shard: str) -> LetterHead:
    return LetterHead(settings.stream, shard, settings.consumer, __version__, settings.application)


def _grants(settings: Settings, account: Account) -> Grants:
    index: IndexSettings = settings.section
    grants = dict(letter_grants(index, settings.application, account))
    if index.auth == "es":
        domain = Grant("Search", ("es:ESHttpGet", "es:ESHttpPost", "es:ESHttpPut"), (account.arn("es", "domain/*"),))
        grants = {role: [*needed, domain] for role, needed in grants.items()}
    if index.auth == "aoss":
        api = Grant("Search", ("aoss:APIAccessAll",), (account.arn("aoss", "collection/*"),))
        grants = {role: [*needed, api] for role, needed in grants.items()}
    return grants


ELASTICSEARCH_INDEX = Consumer(
    "elasticsearch_index",
    SECTION,
    IndexSettings,
    _faults,
    _probe,
    _build,
    _grants,
    _redrive,
    state=lambda index: letter_store(index, SECTION),
)
