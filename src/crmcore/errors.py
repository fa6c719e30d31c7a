"""Every error crmcore raises, in one tree; the docstring of each is its message.

.. code-block:: text

    CRMError
    |-- SettingsError            a setting is wrong
    |-- DatabaseUnusable         the database cannot be opened
    |-- SchemaError              the database is not at the revision this release needs
    |   `-- SchemaMissing
    |-- MissingExtra             a package that only some need is not installed
    |-- NoConnection             what is given is no connection to join
    |-- PostgreSQLNeeded         what is asked for is none of SQLite's
    |-- WorkspaceUnguarded       a statement does not say whose rows it means
    |-- TimeIsUp                 a plugin took too long over what it was told
    |-- LoadError                a plugin cannot be loaded
    |   |-- HookMismatch
    |   |-- NameTaken
    |   |-- ContractVersion
    |   `-- SchemaBehind
    |-- InputError               what came in is not valid
    |   |-- InvalidName
    |   |-- InvalidValue
    |   |-- InvalidIdentity
    |   |-- InvalidTime
    |   |-- FutureEvent
    |   |-- InvalidMoney
    |   |-- MixedCurrencies
    |   |-- Overflow
    |   |-- InvalidCondition
    |   |-- InvalidTemplate
    |   |-- InvalidCampaign
    |   |-- InvalidTrackingPlan
    |   |-- InvalidFile
    |   `-- InvalidToken
    |-- NotFound                 a named thing does not exist
    |   |-- UnknownCustomer
    |   |-- UnknownAccount
    |   |-- UnknownImport
    |   |-- UnknownSource
    |   |-- UndeclaredSource
    |   |-- UnknownSegment
    |   |-- UnknownTemplate
    |   |-- UnknownCampaign
    |   |-- UnknownCouponSource
    |   `-- UnknownPlugin
    |       `-- UnknownRule
    |-- Conflict                 two facts cannot both hold
    |   |-- MergeConflict
    |   |-- AccountCycle
    |   |-- AlreadyUndone
    |   |-- NotInDoubt
    |   |-- RunState
    |   |-- SegmentInUse
    |   |-- SegmentTaken
    |   |-- JobTaken
    |   |-- FolderTaken
    |   `-- NoNodeFree
    |-- CouponSourceFailed       a plugin's source has brought no codes
    |-- ModuleFailed             a module did not do what a customer has a right to
    |-- ModulesAbsent            modules that are not loaded have tables, which nobody can ask
    |-- UndefinedField           a template asks for what a customer does not have
    `-- RecommenderError         an engine cannot answer
        |-- NotFitted
        |-- BadConfig
        |-- IncompatibleModel
        `-- Cancelled
"""

from __future__ import annotations

import inspect
import re

#: What a field ends with, and the full stop of its message after it.
_DOUBLED = re.compile(r"(?<=[.?!])\.(?=\s|$)")


class CRMError(Exception):
    """The CRM refused: {problem}."""

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        said = inspect.cleandoc(type(self).__doc__ or "").format(**fields)
        super().__init__(_DOUBLED.sub("", said))


class SettingsError(CRMError):
    """Setting {key!r} from {place} is not valid: {problem}."""


class DatabaseUnusable(CRMError):
    """The database {url} cannot be opened: {problem}."""


class SchemaError(CRMError):
    """The database is at schema revision {found!r}, this release needs {needed!r}; run `crm db upgrade`."""


class SchemaMissing(SchemaError):
    """The database has none of crmcore's tables; run `crm db upgrade` to make them."""


class NoConnection(CRMError, TypeError):
    """using() joins a SQLAlchemy Connection or Session, not a {kind}; adopt() takes a DBAPI connection, AsyncCRM what is awaited."""


class PostgreSQLNeeded(CRMError):
    """For {what} a PostgreSQL database is needed, this one is {dialect}."""


class WorkspaceUnguarded(CRMError):
    """{statement!r} does not say workspace_id = value of {tables}; filter by scope.workspace_id, or take scope.table()."""


class TimeIsUp(CRMError):
    """What a plugin that is told of notices writes may take {seconds} s; it is rolled back, and the plugin is told again later."""


class LoadError(CRMError):
    """Plugin {plugin!r} cannot be loaded: {problem}."""


class HookMismatch(LoadError):
    """Plugin {plugin!r} does not fit the hooks: {problem}."""


class NameTaken(LoadError):
    """Plugin {plugin!r} registers the {kind} {name!r}, which {owner!r} has registered before it."""


class ContractVersion(LoadError):
    """Plugin {plugin!r} speaks version {found} of the {kind} contract, this release speaks {needed}."""


class SchemaBehind(LoadError):
    """Plugin {plugin!r} has its tables at schema revision {found!r}, its code needs {needed!r}; run `crm db upgrade`."""


class MissingExtra(CRMError):
    """For {what} a further package is needed: pip install "crmcore[{extra}]"."""


class InputError(CRMError, ValueError):
    """Not valid: {problem} (at {place})."""


class InvalidName(InputError):
    """{name!r} is no valid {kind} name (at {place}): use {rule}."""


class InvalidValue(InputError):
    """The value of {place} is not valid: {problem}."""


class InvalidIdentity(InputError):
    """{place} is no valid identity: {problem}."""


class InvalidTime(InputError):
    """{place} is no valid time: {problem}."""


class FutureEvent(InputError):
    """{place} is dated {at}, more than 5 minutes after now ({now}); check the clock or time zone of its source."""


class InvalidMoney(InputError):
    """{place} is no valid amount of money: {problem}."""


class MixedCurrencies(InputError):
    """{place} adds up {currencies}; name one, as in `>= 100.00 EUR`, or .sum("amount", currency="EUR") in Python."""


class Overflow(InputError):
    """{place} is outside the 64 bits an integer may take: {value}."""


class InvalidCondition(InputError):
    """The condition at {place} is not valid: {problem}."""


class InvalidTemplate(InputError):
    """Template {name!r}, {place}: {problem}."""


class InvalidCampaign(InputError):
    """Campaign {name!r}: {problem}."""


class InvalidTrackingPlan(InputError):
    """The tracking plan of the source {source!r}, {place}: {problem}."""


class InvalidFile(InputError):
    """{file}, {place}: {problem}."""


class InvalidToken(InputError):
    """The link is not valid: {problem}."""


class NotFound(CRMError, LookupError):
    """There is no {kind} {name!r}."""


class UnknownCustomer(NotFound):
    """No customer has the {kind} {value!r}."""


class UnknownAccount(NotFound):
    """There is no account {name!r}."""


class UnknownImport(NotFound):
    """There is no import {name}; `crm imports list` shows them."""


class UnknownSource(NotFound):
    """There is no source {name!r}; known: {known}."""


class UndeclaredSource(NotFound):
    """The source {name!r} declares nothing; `crm schema declare` gives it a tracking plan."""


class UnknownSegment(NotFound):
    """There is no segment {name!r}; {meant}."""


class UnknownTemplate(NotFound):
    """There is no template {name!r} for the channel {channel!r}; `crm template save` or crm.save_template(...) makes one."""


class UnknownCampaign(NotFound):
    """There is no campaign {name!r}; known: {known}."""


class UnknownCouponSource(NotFound):
    """{place} gives out codes of {name!r}, of which there are none; `crm coupon add {name} FILE` adds some, or a plugin brings it. Known: {known}."""


class UnknownPlugin(NotFound):
    """There is no {kind} {name!r}; known: {known}. `crm doctor` lists plugins that did not load."""


class UnknownRule(UnknownPlugin):
    """The segment {segment!r} asks for the {kind} {name!r}, which no plugin brings; known: {known}. `crm doctor` lists plugins that did not load."""


class Conflict(CRMError):
    """Two facts cannot both hold: {problem}."""


class MergeConflict(Conflict):
    """{one} and {other} are two customers, each known by a key of its own; say merge(..., force=True) if they are one."""


class AccountCycle(Conflict):
    """The account {account!r} would be a part of itself."""


class AlreadyUndone(Conflict):
    """The import {name} has been taken back already; its file may be imported again."""


class NotInDoubt(Conflict):
    """Delivery {delivery} is not in doubt; `crm deliveries --status in_doubt` lists those that are."""


class RunState(Conflict):
    """The latest run of campaign {campaign!r} is {state} and cannot be {what}."""


class SegmentInUse(Conflict):
    """The segment {name!r} is asked for by {asking}; change, delete or end these first."""


class SegmentTaken(Conflict):
    """{name!r} is the name of {kind} already; take another name, or delete that first (`crm segment delete {name}`)."""


class JobTaken(Conflict):
    """The job {job!r} of the module {module!r} has written nothing for too long and is another worker's by now; it writes no more here."""


class FolderTaken(Conflict):
    """{folder} is there already and holds something; name another one by --to, or say --overwrite."""


class NoNodeFree(Conflict):
    """All 1024 id nodes are leased until {until}; close unused CRM instances."""


class CouponSourceFailed(CRMError):
    """The coupon source {source!r} has brought no codes: {problem}."""


class ModuleFailed(CRMError):
    """Module {module!r} could not {what} its share of the customer ({problem}); nothing was done: mend it, and try again."""


class ModulesAbsent(CRMError):
    """{modules} have tables in this database and are not loaded, so nobody can {what} what they hold of the customer; nothing was done. Name them in crm.toml, run `crm db upgrade`, install them again; or leave them out on purpose (`--without NAME`)."""


class UndefinedField(CRMError):
    """Template {template!r} asks for {field!r}, which {count} of {audience} customers do not have (such as {example!r})."""


class RecommenderError(CRMError):
    """Recommender {engine!r}: {problem}."""


class NotFitted(RecommenderError):
    """Recommender {engine!r} has no model yet; fit it first."""


class BadConfig(RecommenderError):
    """Recommender {engine!r}, setting {key!r}: {problem}."""


class IncompatibleModel(RecommenderError):
    """Recommender {engine!r} cannot read this stored model: {problem}."""


class Cancelled(RecommenderError):
    """Recommender {engine!r} was asked to stop."""
