"""The CRM, in the very file that Django keeps the shop in."""

from django.conf import settings
from django.db import connection

from crmcore import CRM, adopt
from crmcore.verbs import Verbs

crm = CRM(str(settings.DATABASES["default"]["NAME"]))


def in_this_transaction() -> Verbs:
    """Return the CRM's verbs inside `transaction.atomic()`: what they say is committed or rolled back with it."""
    return crm.using(adopt(connection.connection, "sqlite"))
