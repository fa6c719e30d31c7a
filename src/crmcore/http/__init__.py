"""The HTTP driver: it carries the requests of providers that do no I/O of their own."""
