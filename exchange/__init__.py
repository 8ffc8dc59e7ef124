"""Composition: settings, URLs, the ASGI application, the site. Knows all, known by none."""
