"""A record's payload becomes JSON documents, or a reason why not. Pure: nothing here raises for what strangers send."""
