"""Funding's part of the registry of problems."""

from accounts.problems import Problem, declare

NO_DEPOSITS = declare("no_deposits", 422, "This asset cannot be deposited here.")
TOO_MANY_ADDRESSES = declare("too_many_addresses", 422, "There are enough unused addresses.")
UNKNOWN_DEPOSIT = declare("unknown_deposit", 404, "You have no deposit of this id.")
NO_TEST_COINS = declare("no_test_coins", 404, "There are no test coins here.")
TEST_COINS_REFUSED = declare("test_coins_refused", 422, "The test chain did not do it.")
UNKNOWN_ADDRESS = declare("unknown_address", 404, "You have no such address.")

__all__ = [
    "NO_DEPOSITS",
    "NO_TEST_COINS",
    "TEST_COINS_REFUSED",
    "TOO_MANY_ADDRESSES",
    "UNKNOWN_ADDRESS",
    "UNKNOWN_DEPOSIT",
    "Problem",
]
