"""Random requests over the AsyncAPI document: ``python -m tests.fuzz --requests 100000 --seed 7``; a short one in the suite."""
