"""An embedded search server: OpenSearch on loopback, out of JARs that are verified at each start."""
