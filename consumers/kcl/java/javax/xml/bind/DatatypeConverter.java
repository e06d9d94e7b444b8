package javax.xml.bind;

/**
 * What KCL 3.1.3 asks for when it reports an aggregate that it cannot unpack (AggregatorUtil), and Java has not had since
 * version 11. Without it the daemon ends, with all its shards, at each start, for one such record. What it asks for are
 * the record's bytes, for its log line: they do not belong there.
 *
 * javac --release 17 consumers/kcl/java/javax/xml/bind/DatatypeConverter.java
 */
public final class DatatypeConverter {
    private DatatypeConverter() {}

    public static String printBase64Binary(byte[] bytes) {
        return "";
    }
}
