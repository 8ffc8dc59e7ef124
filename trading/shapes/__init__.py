"""The shapes of the wire contract: one schema for JSON, MessagePack, the stream and OpenAPI.

Amounts are decimal strings, times RFC 3339 in UTC with microseconds.
"""
