"""What tables are like in a database: columns, keys and indexes, to be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Engine, inspect

#: Of each table, its parts by name.
Described = Mapping[str, Mapping[str, Any]]


def described(engine: Engine, prefix: str = "crm_") -> Described:
    """Return the tables whose names begin so; Alembic's own are left out."""
    found = inspect(engine)
    names = [one for one in found.get_table_names() if one.startswith(prefix) and not one.startswith("crm_alembic_")]
    return {
        name: {
            **{
                f"column {one['name']}": (str(one["type"]), one["nullable"], one["default"])
                for one in found.get_columns(name)
            },
            "primary key": found.get_pk_constraint(name)["constrained_columns"],
            **{f"index {one['name']}": (one["column_names"], bool(one["unique"])) for one in found.get_indexes(name)},
            **{f"unique key {one['name']}": one["column_names"] for one in found.get_unique_constraints(name)},
            **{f"foreign key {_key(one)}": one["options"] for one in found.get_foreign_keys(name)},
        }
        for name in names
    }


def differences(one: Described, other: Described) -> list[str]:
    """Return what two databases do not have alike: tables, or parts of those they both have."""
    tables = sorted(one.keys() ^ other.keys())
    parts = (
        f"{name}: {part}" for name in sorted(one.keys() & other.keys()) for part in _unlike(one[name], other[name])
    )
    return [*tables, *parts]


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterable[str]:
    return sorted(part for part in one.keys() | other.keys() if one.get(part) != other.get(part))


def _key(one: Mapping[str, Any]) -> str:
    return f"{', '.join(one['constrained_columns'])} into {one['referred_table']}"
