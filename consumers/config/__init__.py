"""Settings: one ``.properties`` file per consumer holds KCL's keys and the consumer's own."""
