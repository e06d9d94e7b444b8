"""The distribution `kinesis-fleet`. Tool settings are in pyproject.toml; exact versions in requirements/*.lock."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

setup(
    name="kinesis-fleet",
    version="0.1.0",
    description="Long-running Kinesis consumers that deliver every event once",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["consumers", "consumers.*"]),
    package_data={
        "consumers": ["py.typed"],
        "consumers.kcl": ["jars.lock", "logback.xml", "java/javax/xml/bind/*", "java/fleet/*"],
        "consumers.local": ["*.json", "*.LICENSE", "*.txt"],
        "consumers.local.search": ["*.java"],
        "consumers.redshift": ["tables/*.toml"],
    },
    # For hosts, which copy them to /etc/systemd/system.
    data_files=[
        ("share/kinesis-fleet/systemd", sorted(str(unit.relative_to(ROOT)) for unit in (ROOT / "systemd").glob("*")))
    ],
    entry_points={"console_scripts": ["kinesis-fleet = consumers.cli:main"]},
    install_requires=[
        "amazon-kclpy==3.1.3",  # the one whose JARs are locked
        "backports.zstd>=1.0",
        "boto3>=1.40",
        "click>=8.1",
        "cronsim>=2.5",
        "isal>=1.7",
        "javaproperties>=0.8",
        "msgspec>=0.19",
        "rich>=13",
        "structlog>=24.1",
        "supervisor>=4.2",
        "urllib3>=2",
    ],
    extras_require={
        "redshift": ["redshift_connector>=2.1.5"],
        "kafka": ["confluent-kafka>=2.6"],
        "postgres": ["psycopg[binary]>=3.2"],
        "local": ["cryptography>=42", "hypercorn>=0.17", "moto[server]>=5.1", "redshift_connector>=2.1.5"],
        "test": [
            "aws-kinesis-agg",
            "greenlet>=3",
            "hypothesis>=6",
            "jsonschema>=4",
            "mypy>=1.11",
            "opensearch-py>=3",
            "pytest>=8",
            "pytest-timeout>=2",
            "ruff>=0.6",
        ],
    },
)
