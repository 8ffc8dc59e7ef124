"""Funding's part of the registry of problems."""

from accounts.problems import Problem as Problem
from accounts.problems import declare

NO_DEPOSITS = declare("no_deposits", 422, "This asset cannot be deposited here.")
TOO_MANY_ADDRESSES = declare("too_many_addresses", 422, "There are enough unused addresses.")
UNKNOWN_DEPOSIT = declare("unknown_deposit", 404, "You have no deposit of this id.")
NO_TEST_COINS = declare("no_test_coins", 404, "There are no test coins here.")
TEST_COINS_REFUSED = declare("test_coins_refused", 422, "The test chain did not do it.")
UNKNOWN_ADDRESS = declare("unknown_address", 404, "You have no such address.")

NO_WITHDRAWALS = declare("no_withdrawals", 422, "This asset cannot be withdrawn here.")
WITHDRAWALS_STOPPED = declare("withdrawals_stopped", 503, "Withdrawals of this asset are stopped for now.")
UNKNOWN_WITHDRAWAL = declare("unknown_withdrawal", 404, "You have no withdrawal of this id.")
UNKNOWN_WITHDRAWAL_ADDRESS = declare("unknown_withdrawal_address", 404, "You have not registered this address.")
ADDRESS_NOT_VALID = declare("address_not_valid", 422, "This is no address of the chain.")
ADDRESS_IS_OURS = declare("address_is_ours", 422, "This is a deposit address of the exchange.")
ADDRESS_REGISTERED = declare("address_registered", 422, "The address or its label is registered already.")
ADDRESS_COOLING = declare("address_cooling", 422, "The address was added too recently.")
ADDRESSES_LOCKED = declare("addresses_locked", 422, "The withdrawal addresses are locked.")
BELOW_MINIMUM_WITHDRAWAL = declare("below_minimum_withdrawal", 422, "This is less than can be withdrawn.")
WITHDRAWAL_LIMIT = declare("withdrawal_limit", 422, "This is more than your verification level allows in a day.")
TOO_MANY_WITHDRAWALS = declare("too_many_withdrawals", 422, "You have asked for too many withdrawals within an hour.")
NOT_CANCELLABLE = declare("withdrawal_not_cancellable", 422, "The withdrawal cannot be cancelled any more.")
NOT_TO_BE_DECIDED = declare("withdrawal_not_to_be_decided", 422, "Nobody's decision is asked for now.")
DECIDED_ALREADY = declare("decided_already", 422, "You have decided on this withdrawal before.")
OWN_WITHDRAWAL = declare("own_withdrawal", 403, "Nobody decides on a withdrawal of his own.")
