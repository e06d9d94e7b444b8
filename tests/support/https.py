"""HTTP and HTTPS on loopback, with certificates that are made where they are needed."""

import ipaddress
import random
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.sigv4 import Received

PATIENCE_S = 20.0
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"' + b"x" * 98 + b'"'
LARGE = random.Random(7).randbytes(32 << 20)  # more than the buffers of a connection hold

Play = Callable[[socket.socket, threading.Event], None]


class Files(NamedTuple):
    """A certificate and its key, in PEM."""

    certificate: str
    key: str


class Authority:
    """A CA with files in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _named(name)
        constraint = x509.BasicConstraints(ca=True, path_length=0)
        made = _unsigned(self._subject, self._subject, self._key, days=30).add_extension(constraint, critical=True)
        self.file = str(folder / f"{name}.pem")
        Path(self.file).write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *hosts: str, days: int = 30, passphrase: str = "") -> Files:
        """Issue a certificate for host names and addresses, which is expired if `days` is negative."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _unsigned(_named(name), self._subject, key, days)
        if hosts:
            made = made.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
        stem = self._folder / f"{self._name}-{name}"
        certificate, key_file = stem.with_suffix(".pem"), stem.with_suffix(".key")
        certificate.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        cipher: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase:
            cipher = serialization.BestAvailableEncryption(passphrase.encode())
        key_file.touch(0o600)
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher))
        return Files(str(certificate), str(key_file))


class Pki(NamedTuple):
    """Two authorities, and a server's certificate of the first."""

    ours: Authority
    theirs: Authority
    server: Files


def pki_in(folder: Path) -> Pki:
    """Make both, with their files in a folder."""
    ours, theirs = Authority(folder, "ours"), Authority(folder, "theirs")
    return Pki(ours, theirs, ours.issue("server", "localhost", "127.0.0.1"))


def server_context(files: Files, demand: Authority | None = None) -> ssl.SSLContext:
    """Serve with a certificate; `demand`: only clients that have one of this CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    if demand:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(demand.file)
    return context


class Reply(NamedTuple):
    """What a server answers."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {"Content-Type": "application/json"}


@dataclass
class Site:
    """A running server: what it was asked, and by how many connections."""

    url: str = ""
    answer: Callable[[Received], Reply] = lambda _: Reply()
    seen: list[Received] = field(default_factory=list)
    connections: int = 0
    ended: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def await_end(self) -> None:
        """Wait until a connection has ended."""
        assert self.ended.acquire(timeout=PATIENCE_S)


@contextmanager
def serving(context: ssl.SSLContext | None = None, host: str = "localhost") -> Iterator[Site]:
    """Run a server until the block ends."""
    site = Site()
    server = _server_of(site, context)
    site.url = f"{'https' if context else 'http'}://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def scripted(play: Play, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Run a server that does what it is told with each connection, until the block ends."""
    ends = threading.Event()

    def run(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            play(context.wrap_socket(connection, server_side=True) if context else connection, ends)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=run, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"{'https' if context else 'http'}://localhost:{listener.getsockname()[1]}"
        ends.set()
        listener.shutdown(socket.SHUT_RDWR)


def read_request(connection: socket.socket) -> None:
    """Read a small request."""
    read = b""
    while b"\r\n\r\n" not in read or (b"POST" in read and not read.endswith(b"{}")):
        read += connection.recv(1000)


def told(fault: BaseException) -> str:
    """Give all that a fault could tell: its text, and the texts and fields of what caused it."""
    texts = ["".join(traceback.format_exception(fault))]
    at: BaseException | None = fault
    while at:
        texts += [repr(at), repr(at.args), repr(vars(at))]
        at = at.__cause__ or at.__context__
    return "".join(texts)


def _server_of(site: Site, context: ssl.SSLContext | None) -> ThreadingHTTPServer:
    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> tuple[Any, Any]:
            connection, address = super().get_request()
            site.connections += 1
            if context:  # the handshake comes with the first read, in the connection's own thread
                return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address
            return connection, address

        def shutdown_request(self, request: Any) -> None:
            super().shutdown_request(request)
            site.ended.release()

        def handle_error(self, *_: Any) -> None:
            pass  # refused handshakes are the point of these tests

    class Serve(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Received(self.command, self.path, headers, body)
            site.seen.append(request)
            reply = site.answer(request)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve

    return Server(("127.0.0.1", 0), Serve)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=40))
        .not_valid_after(now + timedelta(days=days))
    )
