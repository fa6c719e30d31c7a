"""Webhooks on their way in, and an ASGI application that takes them."""
