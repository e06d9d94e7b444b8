"""The subcommands of ``kinesis-fleet``, one module each."""
