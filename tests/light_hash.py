"""Argon2 as the product has it, with an eighth of the memory and one pass less: milliseconds instead of a tenth of a second."""

from accounts.password_hashing import BoundedArgon2Hasher


class LightArgon2Hasher(BoundedArgon2Hasher):
    memory_cost = 8 * 1024
    time_cost = 1
