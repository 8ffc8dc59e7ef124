"""The proof of the matching engine: flows of drawn events through the engine and the oracle, side by side.

``flows`` runs one flow, ``shrink`` makes a difference as small as it gets, ``__main__`` runs many and keeps what it finds.
"""
