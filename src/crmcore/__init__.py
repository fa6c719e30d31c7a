"""The CRM that lives inside your product."""

from crmcore.app import CRM, adopt
from crmcore.errors import CRMError
from crmcore.model.money import Money
from crmcore.model.purpose import Purpose

__version__ = "0.1.0"

__all__ = ["CRM", "CRMError", "Money", "Purpose", "__version__", "adopt"]
