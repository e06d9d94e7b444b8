"""The real MultiLangDaemon, as its documentation starts it, with the stock child."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from samples import amazon_kclpy_helper as helper  # type: ignore[import-untyped]

from tests.bench import contenders, services

_NO_CBOR = "-Daws.cborEnabled=false"
_CLASS = "software.amazon.kinesis.multilang.MultiLangDaemon"
# What a stock set-up must say to run here at all; everything else keeps KCL's defaults. The first start of
# a new application sleeps one shardSyncInterval, a minute by default, which says nothing about CPU.
_PROPERTIES = """\
executableName = {child}
processingLanguage = python/3.11
streamName = {stream}
applicationName = {name}
regionName = us-east-1
initialPositionInStream = TRIM_HORIZON
retrievalMode = POLLING
AwsCredentialsProvider = DefaultCredentialsProvider
metricsLevel = NONE
kinesisEndpoint = {endpoint}
dynamoDBEndpoint = {endpoint}
{extra}
"""
_LOGBACK = """\
<configuration>
  <appender name="STDERR" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder><pattern>%d [%thread] %-5level %logger{{36}} - %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="STDERR"/></root>
</configuration>
"""


def stock(directory: Path, endpoint: str, name: str, extra: str = "shardSyncIntervalMillis = 1000") -> list[str]:
    """Give the command of the stock daemon, without any flag for the JVM.

    Raises:
        RuntimeError: there is no Java.

    """
    java = shutil.which("java")
    if java is None:
        message = "there is no java; install a Java 17 runtime"
        raise RuntimeError(message)
    properties = directory / f"{name}.properties"
    child = " ".join(contenders.stock_child(endpoint, name, 1))
    properties.write_text(
        _PROPERTIES.format(child=child, stream=services.STREAM, name=name, endpoint=endpoint, extra=extra)
    )
    logback = directory / "logback-stock.xml"
    logback.write_text(_LOGBACK.replace("{{", "{").replace("}}", "}"))
    return [
        java, "-cp", helper.get_kcl_classpath(str(properties)), _CLASS,
        "--properties-file", str(properties), "--log-configuration", str(logback),
    ]  # fmt: skip


def ours(properties: Path) -> list[str]:
    """Give the command of the fleet's own daemon, as `daemon --print` says it.

    For an endpoint on this host it turns CBOR off, which most stand-ins cannot read. The replay server
    can, as the real service does, so here it stays on.

    Raises:
        RuntimeError: the fleet refused the file.

    """
    runtime = properties.with_suffix(".runtime")
    runtime.mkdir(exist_ok=True)
    environment = os.environ | services.ENVIRONMENT | {"RUNTIME_DIRECTORY": str(runtime)}
    command = [sys.executable, "-m", "consumers", "daemon", "--print", str(properties)]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if printed.returncode:
        message = f"the fleet refused {properties}: {printed.stderr}"
        raise RuntimeError(message)
    return [word for word in shlex.split(printed.stdout) if word != _NO_CBOR]


def prepare(properties: Path) -> list[str]:
    """Give the command that makes the leases before the first start."""
    return [sys.executable, "-m", "consumers", "prepare", str(properties)]
