"""Checks that Java finds the credentials that Python finds: KCL's JARs do not support some of the providers.

Source: "Standardized credential providers", AWS SDKs and Tools Reference Guide; KCL's MultiLangDaemon 3.1.3 does not
depend on the modules `sso`, `ssooidc` and `signin` of the AWS SDK for Java.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError

from consumers import aws
from consumers.config.faults import Fault, Faults
from consumers.config.settings import Settings

_PYTHON_ALONE = {
    "sso": "IAM Identity Center",
    "login": "aws login",
    "boto-config": "a file of Boto 2",
    "ec2-credentials-file": "AWS_CREDENTIAL_FILE",
}
"""The credential providers, by botocore's names, that Java does not use."""
_KEYS = {"sso_session": "sso", "sso_start_url": "sso", "login_session": "login"}
_REMEDY = "Give the host a role, or AWS_PROFILE one with keys, with role_arn or with credential_process"


def insist_that_java_finds_them(settings: Settings, environment: Mapping[str, str]) -> None:
    """Check that the daemon will have the identity of the checks before it and of its children.

    Raises:
        Faults: Java would find no credentials, or others.

    """
    try:
        found = aws.credentials()
    except (BotoCoreError, OSError, RuntimeError, ValueError):  # raised by a credential process too
        return  # the later checks report it in more detail
    if problem := _problem(found.method if found else "", environment):
        raise Faults(settings.path, [Fault("", problem, _REMEDY)])


def _problem(method: str, environment: Mapping[str, str]) -> str | None:
    name, profiles = aws.profile()
    way = method
    if method == "assume-role":
        if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") and environment.get("AWS_ROLE_ARN"):
            both = f"the profile {name}, where Python looks first, and AWS_WEB_IDENTITY_TOKEN_FILE, where Java does"
            return f"AWS credentials come by {both}"
        way = next((_KEYS[key] for one in _sources(profiles, name) for key in one if key in _KEYS), method)
    if way not in _PYTHON_ALONE:
        return None
    return f"AWS credentials come by {_PYTHON_ALONE[way]} (profile {name}), where Java does not look"


def _sources(profiles: Mapping[str, Mapping[str, Any]], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the profile, and those from which its role is assumed."""
    seen = set[str]()
    while name in profiles and name not in seen:
        seen.add(name)
        yield profiles[name]
        name = profiles[name].get("source_profile", "")
