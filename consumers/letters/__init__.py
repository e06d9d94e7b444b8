"""Dead letters: records that a consumer cannot deliver, kept in S3 until an operator decides."""
