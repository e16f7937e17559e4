"""Measurements: each module prints its tables and can be run as `python -m benchmarks.NAME`."""
