"""The benchmarks run; how fast they find anything is not for tests to say."""
