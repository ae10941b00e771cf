"""A herd of real nodes: starts, breaks and watches them. Used by the demo, the tests and the benchmarks."""
