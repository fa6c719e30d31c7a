"""Templates by name, channel and locale; a change makes a new version."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from sqlalchemy import select

from crmcore.errors import UnknownTemplate
from crmcore.model.template import Template
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope


def save(scope: Scope, template: Template) -> Template:
    """Keep a template; the same parts again change nothing."""
    row = schema.template.c
    query = select(row.version, row.parts).where(
        row.workspace_id == scope.workspace_id,
        row.name == template.name,
        row.channel == template.channel,
        row.locale == template.locale,
    )
    latest = scope.connection.execute(query.order_by(row.version.desc()).limit(1)).one_or_none()
    parts = json.dumps(dict(template.parts), ensure_ascii=False, sort_keys=True)
    version = 1 if latest is None else latest[0] + (latest[1] != parts)
    if latest is None or latest[1] != parts:
        columns = ("id", "name", "channel", "locale", "version", "parts", "created_at")
        values = (scope.new_id(), template.name, template.channel, template.locale, version, parts, scope.now)
        bulk.insert(scope, schema.template, columns, [values])
    return Template(
        name=template.name, channel=template.channel, locale=template.locale, parts=template.parts, version=version
    )


def latest(scope: Scope, name: str, channel: str) -> Mapping[str, tuple[int, Template]]:
    """Return the latest version of a template in each locale, with its id; raise UnknownTemplate."""
    row = schema.template.c
    query = select(row.id, row.locale, row.version, row.parts).where(
        row.workspace_id == scope.workspace_id, row.name == name, row.channel == channel
    )
    found = {
        locale: (one, Template(name=name, channel=channel, locale=locale, version=version, parts=json.loads(parts)))
        for one, locale, version, parts in scope.connection.execute(query.order_by(row.version))
    }
    if not found:
        raise UnknownTemplate(name=name, channel=channel)
    return found


def every(scope: Scope) -> list[Template]:
    """Return the latest version of each template, by name, channel and locale."""
    row = schema.template.c
    each = (row.name, row.channel, row.locale)
    query = select(*each, row.version, row.parts).where(row.workspace_id == scope.workspace_id)
    found = scope.connection.execute(query.order_by(*each, row.version))
    latest = {tuple(key): (version, parts) for *key, version, parts in found}
    return [
        Template(name=name, channel=channel, locale=locale, version=version, parts=json.loads(parts))
        for (name, channel, locale), (version, parts) in latest.items()
    ]


def channels(scope: Scope, names: Collection[str]) -> dict[str, list[str]]:
    """Return the channels that have a template of each name, sorted; names that none has are left out."""
    row = schema.template.c
    query = select(row.name, row.channel).where(row.workspace_id == scope.workspace_id, row.name.in_(sorted(names)))
    found: dict[str, list[str]] = {}
    for name, channel in scope.connection.execute(query.distinct().order_by(row.name, row.channel)):
        found.setdefault(name, []).append(channel)
    return found


def load(scope: Scope, template_id: int) -> Template:
    """Return one version of a template."""
    row = schema.template.c
    query = select(row.name, row.channel, row.locale, row.version, row.parts).where(
        row.workspace_id == scope.workspace_id, row.id == template_id
    )
    name, channel, locale, version, parts = scope.connection.execute(query).one()
    return Template(name=name, channel=channel, locale=locale, version=version, parts=json.loads(parts))


def for_locale(found: Mapping[str, tuple[int, Template]], locale: str) -> int:
    """Return the id of the template for a locale: its own, else its language's, else the plain one, else any."""
    language = locale.replace("-", "_").partition("_")[0]
    for wanted in (locale, language, ""):
        if wanted in found:
            return found[wanted][0]
    return min(one for one, _ in found.values())
