"""Everything that knows of KCL: the pipe to the JVM, checkpoints, the lease table, and the daemon's launch."""
