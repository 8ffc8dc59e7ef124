"""The realms that carry load, as a small ASGI application: no ORM call and no thread hop on the way of an order."""
