#!/bin/bash
# KCL drops a whole healthy aggregate as soon as one of its records hashes outside the shard, and says nothing.
#
# Of:        amazon-kinesis-client 3.1.3 (Java), with aws-kinesis-agg 1.2.3 (Python), AWS's own maker of aggregates.
# Seen:      2026-11-30, OpenJDK 17.0.15, Python 3.11.
# Needs:     Java 17 or later with javac's libraries (a JDK), Maven, Python 3 with venv. Everything else is fetched, by
#            exact version, into a folder that is removed. No AWS account, no daemon.
#
# What one would guess: that an aggregate whose digest is right is unpacked, and each of its records delivered; or, where
# a record does not belong to the shard, that this one is left out, or a line of the log says so.
# What happens: none of the 30 records is delivered, from either shard of a stream of two, and nothing is logged. On one
# shard all 30 are. Nothing is wrong with the aggregate: the library makes such ones of any keys, by default.
# Why it matters: data is lost without a trace. The consumer's checkpoint moves on past it, and no metric counts it. A
# producer that works on one shard begins to lose nearly everything on the day on which the stream is split.
#
# Output as it was seen:
#   aggregated by aws-kinesis-agg 1.2.3: 30 records of 30 keys
#   the whole range of hash keys: 30 delivered
#   shard 1 of 2: 0 delivered
#   shard 2 of 2: 0 delivered
#   lines that KCL has logged: 0
#   as seen on 2026-11-30
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install -q --disable-pip-version-check aws-kinesis-agg==1.2.3 protobuf==7.36.2 six==1.17.0

cat >pom.xml <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>finding</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>software.amazon.kinesis</groupId>
      <artifactId>amazon-kinesis-client</artifactId>
      <version>3.1.3</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>2.0.13</version>
    </dependency>
  </dependencies>
</project>
POM
mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib >maven.log 2>&1 || {
  tail -20 maven.log
  exit 1
}

cat >aggregate.py <<'PYTHON'
from aws_kinesis_agg.aggregator import RecordAggregator

aggregator = RecordAggregator()
for number in range(30):
    aggregator.add_user_record(f"key-{number}", b"healthy data")
print(aggregator.clear_and_get().get_contents()[2].hex())
PYTHON

cat >Deaggregate.java <<'JAVA'
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import software.amazon.kinesis.retrieval.AggregatorUtil;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

public class Deaggregate {
    public static void main(String[] arguments) {
        BigInteger middle = BigInteger.TWO.pow(127), end = BigInteger.TWO.pow(128);
        tell("the whole range of hash keys", arguments[0], BigInteger.ZERO, end.subtract(BigInteger.ONE));
        tell("shard 1 of 2", arguments[0], BigInteger.ZERO, middle.subtract(BigInteger.ONE));
        tell("shard 2 of 2", arguments[0], middle, end.subtract(BigInteger.ONE));
    }

    static void tell(String name, String hex, BigInteger first, BigInteger last) {
        KinesisClientRecord record = KinesisClientRecord.builder()
                .data(ByteBuffer.wrap(HexFormat.of().parseHex(hex)))
                .partitionKey("key-0").sequenceNumber("1").approximateArrivalTimestamp(Instant.now()).build();
        System.out.println(name + ": " + new AggregatorUtil().deaggregate(List.of(record), first, last).size()
                + " delivered");
    }
}
JAVA

{
  echo "aggregated by aws-kinesis-agg 1.2.3: 30 records of 30 keys"
  java -Dorg.slf4j.simpleLogger.defaultLogLevel=trace -cp 'lib/*' Deaggregate.java "$(venv/bin/python aggregate.py)" 2>log
  echo "lines that KCL has logged: $(grep -c 'software.amazon.kinesis' log || true)"
} | tee seen

cat >expected <<'TEXT'
aggregated by aws-kinesis-agg 1.2.3: 30 records of 30 keys
the whole range of hash keys: 30 delivered
shard 1 of 2: 0 delivered
shard 2 of 2: 0 delivered
lines that KCL has logged: 0
TEXT
if ! diff expected seen; then
  echo "this has changed: see above"
  exit 1
fi
echo "as seen on 2026-11-30"
