"""Java finds the credentials that Python has found, or the daemon does not start."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers import aws
from consumers.config.faults import Faults
from consumers.kcl.credentials import insist_that_java_finds_them
from tests.config.sample import settings

KEYS = "aws_access_key_id = a\naws_secret_access_key = b\n"
SSO = (
    "sso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n"
    "[sso-session corp]\nsso_start_url = https://x/start\nsso_region = eu-west-1\n"
)
ROLE = "role_arn = arn:aws:iam::123456789012:role/r\n"
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/w"}


@pytest.fixture(autouse=True)
def _nothing_but_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "us")
    aws.forget()
    yield
    aws.forget()


def said(folder: Path, config: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the fault, or nothing."""
    (folder / "config").write_text(config)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        insist_that_java_finds_them(settings(folder), os.environ)
    except Faults as faults:
        (fault,) = faults.faults
        return fault.problem
    return ""


@pytest.mark.parametrize(
    ("config", "environment"),
    [
        (f"[profile us]\n{SSO}", {}),
        (f"[profile us]\n{ROLE}source_profile = them\n[profile them]\n{SSO}", {}),
        (f"[profile us]\n{ROLE}source_profile = them\n[profile them]\n{KEYS}", WEB),
    ],
)
def test_what_java_would_not_find_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, environment: dict[str, str]
) -> None:
    """KCL has no module for them, or looks elsewhere first: it would die at each start, or be somebody else."""
    assert said(tmp_path, config, environment, monkeypatch).startswith("AWS credentials come by ")


@pytest.mark.parametrize(
    ("config", "environment"),
    [
        (f"[profile us]\n{KEYS}", {}),
        (f"[profile us]\n{KEYS}", WEB),
        ("[profile us]\ncredential_process = /bin/true\n", {}),
        (f"[profile us]\n{ROLE}source_profile = us\n{KEYS}", {}),
        (f"[profile us]\n{ROLE}web_identity_token_file = /token\n", {}),
        (f"[profile us]\n{SSO}", {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}),
        ("[profile us]\nregion = eu-west-1\n", {}),
        ("[profile them]\n", {}),
    ],
)
def test_what_both_find_alike_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, environment: dict[str, str]
) -> None:
    """And where neither finds any, or there is no such profile, the proofs of the destination say it."""
    assert said(tmp_path, config, environment, monkeypatch) == ""
