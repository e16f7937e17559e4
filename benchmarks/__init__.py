"""Measurements: each module prints one table and runs alone as `python -m benchmarks.NAME`."""
