"""`crm plugin new` and `crm plugin check`: for whoever writes a plugin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

import click

from crmcore.cli.output import Context, pass_context, plain, progress, show, table
from crmcore.scaffold.plugin import PARTS, NewPlugin, check_free, checked, rendered, write
from crmcore.settings import settings
from crmcore.vetting.candidate import candidates
from crmcore.vetting.judging import judge
from crmcore.vetting.verdict import Check, Proof, Verdict

LICENCES = ("none", "MIT")


@click.group()
def plugin() -> None:
    """Write a plugin, and see whether it is done.

    \b
    crm plugin new crm_pigeons --kind channel
    crm plugin check crm_pigeons
    """


@plugin.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice(sorted(PARTS)), required=True, help="What it brings.")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="The folder to write to (default: NAME).")
@click.option(
    "--channel", default="", help="What a channel is called; which one a provider carries (default: its own)."
)
@click.option("--address-kind", default="phone", show_default=True, help="The kind of that channel's addresses.")
@click.option("--license", "licence", type=click.Choice(LICENCES), default="none", show_default=True)
@click.option("--author", default="", help="Whose name stands in the license.")
@click.option("--overwrite", is_flag=True, help="Write into a folder that holds something; its other files stay.")
@pass_context
def new(context: Context, /, folder: Path | None, overwrite: bool, **given: str) -> None:
    """Write a distribution whose suites pass at once: source, tests, README, CI.

    NAME is that of its package; crm_pigeons brings something called pigeons.

    \b
    crm plugin new acme_sms --kind channel --channel sms
    crm plugin new crm_relay --kind provider --channel email --address-kind email
    crm plugin new crm_on_holiday --kind gate --to plugins/crm_on_holiday --license MIT --author "Ada Ltd"
    """
    wanted = checked(NewPlugin(year=datetime.now(UTC).year, **given))
    if not overwrite:
        check_free(wanted.name)
    place = Path(wanted.name) if folder is None else folder
    written = write(place, rendered(wanted), overwrite=overwrite)
    show(context, {"folder": place, "files": written}, lambda _: _written(place, written))


def _written(place: Path, written: Sequence[Path]) -> None:
    for path in written:
        click.echo(f"  {path}")
    editable, folder = quote(f"{place}[dev]"), quote(str(place))
    click.echo(f"\nTry next:\n  pip install --editable {editable}\n  crm plugin check {folder}")


@plugin.command("check")
@click.argument("path")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=600.0, show_default=True, help="Seconds for its suites."
)
@pass_context
def check(context: Context, path: str, timeout: float) -> None:
    """Say of a plugin what is proved, what is not, and what is missing.

    PATH is the folder of its distribution, or the name of one that is installed. Its suites (tests that subclass those of crmcore.testing)
    run in a process of their own; settings come from crm.toml, as for every command. Exits with 1 where something failed, or nothing
    could be proved as there is no folder of it here.

    \b
    crm plugin check .
    crm plugin check crm_email
    crm --json plugin check plugins/crm_pigeons
    """
    tables = settings({}, file=context.config).tables
    with progress(context, "checks") as bar:
        verdicts = [judge(one, tables, timeout, bar) for one in candidates(path)]
    show(context, [_plain(one) for one in verdicts] if context.as_json else verdicts, lambda _: _human(verdicts))
    if not all(one.is_fine for one in verdicts):
        raise click.exceptions.Exit(1)


def _plain(verdict: Verdict) -> dict[str, object]:
    return {**plain(verdict), "is_fine": verdict.is_fine}


def _human(verdicts: Sequence[Verdict]) -> None:
    for one in verdicts:
        table(f"{one.plugin} {one.version}", ("looked at", "outcome"), _outcomes(one.checks))
        columns = ("registered", "suites", "passed", "failed", "expected", "skipped")
        rows = [(it.object, _suites(it.suites), it.passed, it.failed, it.expected, it.skipped) for it in one.objects]
        table("Proved by suites", columns, rows)
        _details(one)


def _outcomes(checks: Sequence[Check]) -> list[tuple[str, str]]:
    names = dict.fromkeys(one.name for one in checks)
    return [(name, _worst([one for one in checks if one.name == name])) for name in names]


def _worst(checks: Sequence[Check]) -> str:
    return min((one.outcome for one in checks), key=("failed", "not looked at", "expected", "skipped", "passed").index)


def _suites(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _details(verdict: Verdict) -> None:
    for check in verdict.checks:
        if check.said:
            click.echo(f"\n{check.outcome}: {check.name}\n  {check.said}")
    for proof in verdict.proofs:
        if proof.outcome != "passed":
            click.echo(f"\n{_title(proof)}\n  {_indented(proof.said)}")
    end = "Nothing failed." if verdict.is_fine else "It is not done."
    click.echo(f"\n{verdict.plugin}: {end}")


def _title(proof: Proof) -> str:
    about = f" ({', '.join(proof.objects)})" if proof.objects else ""
    return f"{proof.outcome}: {proof.by}.{proof.check}{about}\n  It promises: {proof.promise}"


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
