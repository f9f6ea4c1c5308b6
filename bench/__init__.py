"""Benchmarks of nd2fd against itself and against others: `python -m bench --help`."""
