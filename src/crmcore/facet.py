"""What the parts of a CRM have in common: they share its workspace, and fold before they read."""

from __future__ import annotations

from abc import ABC, abstractmethod

from crmcore.opening import Opened


class Facet(ABC):
    """One side of a CRM: methods that belong together, in a file of their own."""

    _opened: Opened

    @abstractmethod
    def _fold(self) -> object:
        """Fold what hosts have committed."""
