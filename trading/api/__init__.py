"""The realms that carry load, as a small ASGI application: no ORM call and no thread hop on the way of an order."""

ANSWER = "kontor.answer"
"""Extension of a scope: writes a whole answer, its status, its head in bytes and its body; False if it must be sent by parts."""

BODY = "kontor.body"
"""Extension of a scope: the request's whole body if it is there already, else None; instead of receiving it."""

AT_ONCE = "at_once"
"""Attribute of an application: takes a scope and its ``http.Turn``, and begins the request by itself if it needs no task; else
False.
"""
