"""Bento, tuned for the same work: an object for each batch of 10,000 records.

Archive and compress stand in the pipeline: as batch processors of the input, where the documentation
puts batching, they lose records. Level 1 is the nearest to our codec in cost and size.
"""

from pathlib import Path

from tests.bench import services

_CONFIGURATION = """\
http: {{enabled: false}}
logger: {{level: WARN}}
input:
  aws_kinesis:
    streams: [{stream}]
    endpoint: {endpoint}
    region: us-east-1
    start_from_oldest: true
    commit_period: 5s
    checkpoint_limit: 100000
    dynamodb: {{table: {table}, create: true, billing_mode: PAY_PER_REQUEST}}
    batching: {{count: {batch}, period: 5s}}
pipeline:
  threads: 2
  processors:
    - archive: {{format: lines}}
    - compress: {{algorithm: gzip, level: {level}}}
output:
  aws_s3:
    bucket: {bucket}
    path: archive/{table}/${{!uuid_v4()}}.ndjson.gz
    endpoint: {endpoint}
    region: us-east-1
    force_path_style_urls: true
    max_in_flight: 4
metrics: {{none: {{}}}}
"""


def command(directory: Path, endpoint: str, name: str, batch: int, level: int) -> list[str]:
    """Give the command that archives the stream; its objects and its lease table bear the name."""
    path = directory / f"{name}.yaml"
    path.write_text(
        _CONFIGURATION.format(
            stream=services.STREAM, endpoint=endpoint, table=name, batch=batch, level=level, bucket=services.BUCKET
        )
    )
    return [str(services.built("bento")), "-c", str(path)]
