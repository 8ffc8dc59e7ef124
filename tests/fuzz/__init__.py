"""Random requests, judged by the documents of the interfaces: the stream's (``fuzzing``) and REST's (``rest``).

``python -m tests.fuzz [stream|rest] --requests 100000 --seed 7``; short ones in the suite.
"""
