"""TLS to a server, always verified, and the meaning of its errors.

Codes of a certificate's check: `X509_STORE_CTX_get_error` in OpenSSL's manual.
"""

import ssl

from consumers.search.access import secret_of
from consumers.waiting import Unavailable

_EXPIRED = frozenset({9, 10})  # not yet valid, no more valid
_OTHER_NAME = frozenset({62, 64})  # host, IP address
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
_TRUST = "set index.caFile to the certificate of the CA that issued the server's"
_PRESENT = "give a client certificate that the server accepts: index.clientCertificateFile and index.clientKeyFile"
_SPEAK = "let index.url name a port that speaks TLS 1.2 or 1.3; index.caFile is not the cause"
_CLIENT_ALERTS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE")


def context_of(ca_file: str, certificate_file: str, key_file: str) -> ssl.SSLContext:
    """Make a TLS context from the files, which are read again because they may have been renewed.

    Without a CA file, the system's certificates are trusted.

    Raises:
        Unavailable: a file cannot be used, and an operator must act.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as fault:
        reason = f"index.caFile {ca_file}: {_said_by(fault)}"
        raise Unavailable(
            reason, "set index.caFile to a readable file of certificates in PEM", operator=True
        ) from fault
    context.hostname_checks_common_name = False  # RFC 9110, 4.3.4
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if certificate_file:
        key_holder = key_file or certificate_file
        secret_of("index.clientKeyFile" if key_file else "index.clientCertificateFile", key_holder)
        try:
            context.load_cert_chain(certificate_file, key_holder, password=_none)
        except OSError as fault:
            reason = f"index.clientCertificateFile {certificate_file}: {_said_by(fault)}"
            remedy = (
                "set index.clientCertificateFile and index.clientKeyFile to a certificate and its own key, in PEM, "
                "without a passphrase"
            )
            raise Unavailable(reason, remedy, operator=True) from fault
    return context


def refusal(fault: ssl.SSLError) -> tuple[str, str] | None:
    """Return what a failed handshake means and how to fix it, or None if the connection was only cut off."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        if fault.verify_code in _OTHER_NAME:
            remedy = "let index.url name the server as its certificate does, or have that issued for this name"
            return fault.verify_message, f"{remedy}; index.caFile is not the cause"
        if fault.verify_code in _EXPIRED:
            return fault.verify_message, f"have the server's certificate renewed, or set the clock; else {_TRUST}"
        return fault.verify_message, _TRUST
    if isinstance(fault, _CUT_OFF):
        return None
    return _said_by(fault), _PRESENT if refuses_client(fault) else _SPEAK


def refuses_client(fault: ssl.SSLError) -> bool:
    """Return whether the server says that it misses or does not accept the client's certificate."""
    reason = fault.reason or ""
    return "ALERT" in reason and any(alert in reason for alert in _CLIENT_ALERTS)


def _said_by(fault: OSError) -> str:
    if isinstance(fault, ssl.SSLError):
        return (fault.reason or "it cannot be used").lower().replace("_", " ")
    return fault.strerror or type(fault).__name__


def _none() -> str:
    """Return an empty passphrase. Without this callback, OpenSSL would ask on the terminal."""
    return ""
