"""The signer: a process of its own that holds the keys of the hot wallet and signs what its own policy allows.

It imports neither Django nor the rest of funding, reads no database but its own record, and trusts nobody who asks: what it
needs is in the PSBT, in the payments that are shown beside it, in its policy and in its record.
"""
