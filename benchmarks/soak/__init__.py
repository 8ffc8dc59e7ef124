"""The soak: hours of everything that customers do, and what of it adds up that should not. ``python -m benchmarks.soak``."""
