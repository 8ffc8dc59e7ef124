"""Trading's part of the registry of problems. Every reason of the engine is a code that clients may see."""

from accounts.problems import Kind, Problem, declare
from trading.engine.outcomes import Reason

UNKNOWN_ORDER = declare("unknown_order", 404, "You have no order of this id.")
UNKNOWN_MARKET = declare("unknown_market", 404, "There is no such market.")
UNKNOWN_ASSET = declare("unknown_asset", 404, "There is no such asset.")
ORDER_CLOSED = declare("order_closed", 422, "The order is not open any more.")
OFF_TICK = declare("off_tick", 422, "The price is not a whole number of ticks.")
OFF_LOT = declare("off_lot", 422, "The quantity is not a whole number of lots.")
TOO_PRECISE = declare("too_precise", 422, "The amount has more decimal places than the asset.")
NOT_SUPPORTED = declare("not_supported", 422, "This exchange does not support that yet.")
FAUCET_LIMIT = declare("faucet_limit", 422, "The faucet has given what it gives in a day.")
UNKNOWN_RECIPIENT = declare("unknown_recipient", 422, "Nobody can be given anything under this address.")
TRANSFER_LIMIT = declare("transfer_limit", 422, "You have transferred to other people what is allowed in a day.")
NO_FAUCET = declare("no_faucet", 404, "There is no faucet here.")
ENGINE_SUSPENDED = declare("engine_suspended", 422, "The exchange takes nothing new now.")
OVERLOADED = declare("overloaded", 503, "More is coming in than can be made durable.")
OUTCOME_UNKNOWN = declare("outcome_unknown", 503, "It is not known yet whether the command was carried out.")
UNKNOWN_ADJUSTMENT = declare("unknown_adjustment", 404, "There is no such adjustment.")
NOT_REVERSIBLE = declare("not_reversible", 422, "There is nothing to take back.")
OWN_ADJUSTMENT = declare("own_adjustment", 403, "Nobody adjusts balances of his own, nor decides on what he asked for.")
ADJUSTMENT_DECIDED = declare("adjustment_decided", 422, "Nobody's decision is asked for now.")
SEQUENCE_TOO_OLD = declare("sequence_too_old", 422, "Too much has happened since then; begin with a snapshot.")
TOO_MANY_SUBSCRIPTIONS = declare("too_many_subscriptions", 422, "One connection has only so many subscriptions.")

_TITLES = {
    Reason.ALREADY_DEFINED: "This is defined already.",
    Reason.INVALID_DEFINITION: "The definition does not hold together.",
    Reason.INVALID_ORDER: "The order's fields do not go together.",
    Reason.INVALID_AMOUNT: "The amount is not valid.",
    Reason.UNKNOWN_FEE_TIER: "There is no such fee tier.",
    Reason.MARKET_CLOSED: "The market takes no new orders now.",
    Reason.BELOW_MINIMUM: "The order is smaller than the market's minimum.",
    Reason.ABOVE_MAXIMUM: "The order is larger than can be handled.",
    Reason.TOO_MANY_ORDERS: "You have as many open orders in this market as are allowed.",
    Reason.INSUFFICIENT_FUNDS: "The available balance does not cover the order and its fee.",
    Reason.WOULD_TAKE: "The post-only order would have traded at once.",
    Reason.NOT_FILLED_WHOLE: "The fill-or-kill order could not be filled whole.",
    Reason.NO_LIQUIDITY: "The book had nothing to trade with.",
    Reason.SELF_TRADE: "The order would have traded with your own.",
    Reason.IMMEDIATE_OR_CANCEL: "What could not be filled at once was cancelled.",
    Reason.SLIPPAGE_CAP: "The order stopped at its slippage price.",
    Reason.BUDGET_SPENT: "What is left of the budget buys no further lot.",
    Reason.USER_CANCELLED: "Cancelled by its owner.",
    Reason.RULES_NOT_NEWER: "The rules are not newer than those in force.",
    Reason.EXPIRED: "The order's time is over.",
    Reason.DEADLINE_PASSED: "The request came later than its deadline.",
    Reason.PRICE_BAND: "The price is too far from the market's reference price.",
    Reason.CIRCUIT_BREAKER: "The order would have traded too far from the reference price; the market was closed to new orders.",
    Reason.ONE_CANCELS_OTHER: "The other of two linked orders acted first.",
    Reason.DEAD_MANS_SWITCH: "The time for all orders of the account had run out.",
    Reason.DISCONNECTED: "Cancelled because its connection was lost.",
    Reason.OPERATOR_CANCELLED: "Cancelled by the operator of the exchange.",
    Reason.CANCEL_FAILED: "The order to be replaced was not open, so no other was placed.",
    Reason.BELOW_FILLED: "More than that has been filled already.",
    Reason.INVALID_ACCOUNT: "There is no such account.",
    Reason.REFERENCE_IN_USE: "Something is held under this reference already.",
    Reason.UNKNOWN_HOLD: "Nothing is held under this reference.",
}
_REFUSALS: dict[Reason, Kind] = {
    Reason.UNKNOWN_ORDER: UNKNOWN_ORDER,
    Reason.UNKNOWN_MARKET: UNKNOWN_MARKET,
    Reason.UNKNOWN_ASSET: UNKNOWN_ASSET,
    **{reason: declare(reason.value, 422, title) for reason, title in _TITLES.items()},
}


def refused(reason: Reason, **extra: object) -> Problem:
    """The problem that tells an engine's refusal."""
    kind = _REFUSALS[reason]
    return Problem(kind, kind.title, extra)
