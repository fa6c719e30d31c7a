"""What the tests of campaigns begin with: a CRM whose clock is turned, with customers and templates."""

import pytest

pytest_plugins = ["crmcore.testing.plugin"]


@pytest.fixture
def shop(crm):
    """Return what makes a shop: its customers by name, and the templates of a campaign on each channel."""

    def made(templates, *names, consents=("email",)):
        for name in names:
            crm.identify({"key": name, "email": f"{name}@example.com"}, {"name": name.title()})
            for channel in consents:
                crm.consent(name, "retention", channel=channel)
        for name, parts in templates.items():
            for channel in ("email", "push"):
                crm.save_template(name, channel, parts)
        return crm

    return made
