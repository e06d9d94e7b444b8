"""An embedded search server: OpenSearch on loopback. Its JARs are verified at each start."""
