"""Benchmarks: what `make bench` measures."""
