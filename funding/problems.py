"""Funding's part of the registry of problems."""

from accounts.problems import Problem, declare

NO_DEPOSITS = declare("no_deposits", 422, "This asset cannot be deposited here.")
TOO_MANY_ADDRESSES = declare("too_many_addresses", 422, "There are enough unused addresses.")
UNKNOWN_DEPOSIT = declare("unknown_deposit", 404, "You have no deposit of this id.")

__all__ = ["NO_DEPOSITS", "TOO_MANY_ADDRESSES", "UNKNOWN_DEPOSIT", "Problem"]
