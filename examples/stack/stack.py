"""A CRM put together from parts: e-mail, cases of the service, and another system that is told what happens."""

from __future__ import annotations

from pathlib import Path

from crmcore import CRM
from crmcore.model.building import rule
from crmcore.model.campaign import Campaign
from crmcore.model.happens import entered
from crmcore.model.steps import Send

HERE = Path(__file__).parent
SORRY = Campaign(
    name="sorry",
    purpose="service",
    audience=rule("open_case"),
    trigger=entered("complaining"),
    steps=[Send(name="we_look_into_it", template="we_look_into_it", channels="email")],
)


def run(config: Path = HERE / "crm.toml") -> list[str]:
    """Let a customer complain; return what stands in the customer's timeline, newest first."""
    with CRM(config=config) as crm:
        crm.save_template(
            "we_look_into_it", "email", {"subject": "We look into it", "text": "Dear {{ customer.name }}"}
        )
        crm.define_segment("complaining", rule("open_case"))
        crm.launch(SORRY)
        crm.identify("ada", {"name": "Ada", "email": "ada@example.com"})
        crm.track("complaint_raised", "ada", ref="order-7", properties={"subject": "The lamp is dark"})
        for _ in range(2):  # the case is opened, and the mail goes
            crm.work()
        return [line.name for line in crm.timeline("ada")]


if __name__ == "__main__":
    print("\n".join(run()))  # noqa: T201 - what a reader runs it for
