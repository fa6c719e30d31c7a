"""A small shop on FastAPI, whose orders reach crmcore in the same transaction."""
