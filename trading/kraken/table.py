"""All calls of the dialect that this floor can answer."""

from . import account, history, orders, public

CALLS = [*public.CALLS, *account.CALLS, *history.CALLS, *orders.CALLS]
