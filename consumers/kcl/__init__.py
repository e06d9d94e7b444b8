"""The corner that speaks with KCL: the pipe to the JVM, and the daemon's launch."""
