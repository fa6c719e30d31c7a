"""Revisions of faulty modules."""
