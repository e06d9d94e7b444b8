"""The benchmarks: the fleet against stock amazon_kclpy, against Bento, and against the floor."""
