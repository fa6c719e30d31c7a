"""A clock you can turn."""

from __future__ import annotations

from crmcore.model.time import TurnedClock

__all__ = ["TurnedClock"]
