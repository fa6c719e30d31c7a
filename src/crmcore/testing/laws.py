"""What the contracts ask for, in words: a check that fails says what is wrong, and which law it is that was broken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs

PROVIDER = "crmcore.hooks.provider"
GATE = "crmcore.hooks.gate"
RULE = "crmcore.hooks.rule"
STEP = "crmcore.hooks.step"


@attrs.frozen(kw_only=True)
class Law:
    """A sentence of a contract, and where it stands."""

    says: str
    place: str


class LawBroken(AssertionError):
    """A check failed; `law` is what the contract says instead."""

    def __init__(self, law: Law, wrong: str) -> None:
        self.law, self.wrong = law, wrong
        super().__init__(f"{wrong}\nThe contract says: {law.says} ({law.place}, docs/reference/suites.md)")


def ask(fine: object, law: Law, wrong: str) -> None:
    """Raise LawBroken, saying what is wrong, unless all is fine."""
    if not fine:
        raise LawBroken(law, wrong)


@contextmanager
def lawful(law: Law, what: str) -> Iterator[None]:
    """Raise LawBroken where something raises what it may not."""
    try:
        yield
    except LawBroken:
        raise
    except Exception as error:
        raise LawBroken(law, f"{what} raised {error!r}.") from error


ONE_RESULT = Law(says="send yields exactly one Result per message of the batch.", place=f"{PROVIDER}.Session.send")
APART = Law(says="one message never holds up another.", place=f"{PROVIDER}.Session.send")
TRUTH = Law(
    says="Accepted means that the carrier has taken the message over, whole and once; what is neither Accepted nor InDoubt "
    "it has not taken.",
    place=PROVIDER,
)
CLASSES = Law(
    says="before anything irreversible has left, a fault is NotStarted or Retry; after it, a missing answer is InDoubt; an "
    "answer means what it says.",
    place=f"{PROVIDER}.Session.send",
)
SOUND = Law(says="a Result's fields hold what their types name, and `after` is 0 seconds or more.", place=PROVIDER)
IN_TIME = Law(
    says="every step on the wire has a time limit, and a carrier gone silent costs a batch a few of them, not one a message.",
    place=f"{PROVIDER}.Session.send",
)
REUSE = Law(says="whatever happened to a batch, the session carries the next one.", place=f"{PROVIDER}.Session")
ENDED = Law(
    says="a send that ends early leaves what it has yielded as it is; its session carries on, or sends nothing more.",
    place=f"{PROVIDER}.Session.send",
)
CLOSED = Law(says="a session that is left holds no connection open.", place=f"{PROVIDER}.Session")
NO_SLEEP = Law(says="a provider never sleeps: it reports Retry, and the core waits.", place=PROVIDER)
NO_RETRY = Law(says="a provider never tries a message again: the core does.", place=PROVIDER)
SECRET = Law(says="a secret is in no repr, log, output or error.", place="crmcore.hooks.setup.Secret")
FLAT = Law(says="a session keeps nothing of the messages it has carried.", place=f"{PROVIDER}.Session")
SAME_AGAIN = Law(
    says="the same message is the same on the wire, whenever it is sent and however often.",
    place=f"{PROVIDER}.Outgoing",
)
KEYED = Law(
    says="with the idempotency `key` or `collapse`, a message sent again is recognised by its message_key.",
    place=f"{PROVIDER}.Carriage",
)
HONEST = Law(says="a Carriage names what the provider does, and nothing else.", place=f"{PROVIDER}.Carriage")
NAMED = Law(
    says="a plugin's object has a name of lower-case letters, digits and _, and states the contract's version.",
    place="crmcore.hooks.contracts",
)
ONE_VERDICT = Law(says="judge returns exactly one Verdict per intent.", place=f"{GATE}.Gate.judge")
PURE = Law(
    says="a gate is pure: the same intents at the same `now` get the same verdicts, and stay as they are.",
    place=f"{GATE}.Gate",
)
SINGLY = Law(
    says="a verdict is about one message: its neighbours in the batch and their order do not matter.",
    place=f"{GATE}.Gate",
)
DECLARED = Law(
    says="a gate reads the attributes it has declared in `reads`, which may be missing.", place=f"{GATE}.Intent"
)
QUICK = Law(says="a gate answers within its time budget.", place=f"{GATE}.Gate")
REASONED = Law(
    says="a reason is a name of its own, or empty; `retry_at` lies after `now`, in microseconds UTC.",
    place=f"{GATE}.Verdict",
)
ALIKE = Law(
    says="sql finds the customers for whom holds is true of their histories, and no other.", place=f"{RULE}.Rule"
)
TELLING = Law(
    says="holds tells yes or no, of any history and any parameters, and is never at a loss.", place=f"{RULE}.Rule.holds"
)
TOUCHED = Law(
    says="nothing but what touches names changes the answer; time does only where `time` says so.",
    place=f"{RULE}.Touches",
)
OWN_ROWS = Law(
    says="sql reads the rows of its workspace alone: tables come from scope.table.", place=f"{RULE}.Rule.sql"
)
AHEAD = Law(says="next_change lies after `now`, in microseconds UTC, or is None.", place=f"{RULE}.Rule.next_change")
LASTING = Law(
    says="from `now` up to next_change, or for ever where it is None, the answer stays as long as nothing is written.",
    place=f"{RULE}.Rule.next_change",
)
DIVERSE = Law(says="the suite is given histories and parameters that hold here and there.", place="RuleSuite")
ONE_TRANSITION = Law(says="advance returns exactly one Transition per enrolment.", place=f"{STEP}.Step.advance")
STEP_PURE = Law(
    says="a step is pure: the same enrolments and settings at the same `now` get the same transitions, and stay as they are.",
    place=f"{STEP}.Step",
)
STEP_SINGLY = Law(
    says="a transition is about one enrolment: its neighbours in the batch and their order do not matter.",
    place=f"{STEP}.Step",
)
STEP_DECLARED = Law(
    says="a step reads the attributes it has declared in `reads`, which may be missing, or None.", place=f"{STEP}.Due"
)
STEP_QUICK = Law(says="a step answers within its time budget.", place=f"{STEP}.Step.advance")
WORDED = Law(
    says="`to` is empty, or a word for which a campaign may name a step: lower-case letters, digits and _.",
    place=f"{STEP}.Transition",
)
TIMED = Law(says="`due_at` is a time in microseconds UTC, or None.", place=f"{STEP}.Transition")
TRAVELLED = Law(says="the suite is given customers who go each of the ways it names.", place="StepSuite")
ARRIVED = Law(
    says="in a campaign each customer goes where its transition says, not before `due_at`.", place=f"{STEP}.Transition"
)
CHANNEL = "crmcore.hooks.channel"
LISTENING = f"{PROVIDER}.Listening.parse_webhook"
CAPABLE = Law(says="capabilities name what the channel does, and nothing else.", place=f"{CHANNEL}.Capabilities")
WITHIN = Law(
    says="what exceeds `content_length` or `max_bytes` is refused before anything is sent.",
    place=f"{CHANNEL}.Capabilities",
)
ADDRESSED = Law(
    says="validate_address returns an address in normal form, or raises InvalidIdentity; the normal form of that is itself.",
    place=f"{CHANNEL}.Channel.validate_address",
)
ISSUED = Law(
    says="validate_template returns what is wrong as Issues, whatever a template holds, and raises nothing.",
    place=f"{CHANNEL}.Channel.validate_template",
)
COMPILED = Law(
    says="compile raises InvalidTemplate where validate_template finds an issue, and nowhere else.",
    place=f"{CHANNEL}.Channel.compile",
)
ONE_ANSWER = Law(says="render returns one answer per draft, in order.", place=f"{CHANNEL}.Channel.render")
RENDER_PURE = Law(
    says="render is pure and deterministic: the same draft gives the same bytes, in whatever company and whenever.",
    place=f"{CHANNEL}.Channel.render",
)
CONTAINED = Law(
    says="what customers bring stays text: it ends no header, opens no part, and is no template.",
    place=f"{CHANNEL}.Channel.render",
)
SANDBOXED = Law(
    says="a template reaches what it is given, and nothing else: it runs in a sandbox.",
    place=f"{CHANNEL}.Channel.compile",
)
MISSING = Law(
    says="a draft that lacks what its template asks for is Unrendered, and `field` names it.",
    place=f"{CHANNEL}.Unrendered",
)
DRY = Law(says="a channel has no I/O of its own: it opens no socket and does not sleep.", place=f"{CHANNEL}.Channel")
SIGNED = Law(
    says="the signature is checked first, over the raw bytes: 401 and nothing else where that does not fit.",
    place=LISTENING,
)
READ_PURE = Law(
    says="parse_webhook is pure: the same request at the same `now` says the same, and asks neither clock nor network.",
    place=LISTENING,
)
PASSED_OVER = Law(
    says="what nobody knows, in fields and in kinds, is passed over: the carrier must not send it again for ever.",
    place=LISTENING,
)
READ_SOUND = Law(
    says="what a webhook holds is what its types name, each with a key and a time in microseconds UTC.",
    place=f"{PROVIDER}.Ingested",
)
UNORDERED = Law(
    says="in any order, repeated and in any batches, webhooks leave the ledger the same: a `key` names one thing, always.",
    place=f"{PROVIDER}.Feedback",
)
LASTING_KEY = Law(
    says="a `key` names one thing, always: told again the next day, it is the same.", place=f"{PROVIDER}.Feedback"
)
TELLING_BODIES = Law(says="the suite is given bodies that say something of a delivery.", place="WebhookSuite")
SPECS = "crmcore.hooks.specs"
LOADED = Law(says="a plugin loads, whatever the settings say, and what it registers is whole.", place="crmcore.hooks")
FITTING = Law(says="a plugin's hooks are those of the specs, and take what they take.", place=SPECS)
CURRENT = Law(
    says="what a plugin registers speaks this release's version of its contract.", place="crmcore.hooks.contracts"
)
FREE = Law(says="a plugin registers names that nobody else has registered.", place=SPECS)
STILL = Law(says="loading a plugin starts nothing: no socket is opened, no thread started, nothing slept.", place=SPECS)
MODULE = "crmcore.hooks.module"
WELL_FORMED = Law(
    says="a module loads: its tables are crm_<module>_*, their keys begin with workspace_id, their columns are INTEGER, BIGINT, "
    "TEXT, BLOB or BOOLEAN; jobs, commands and routes have names of their own.",
    place=f"{MODULE}.Module",
)
LEFT_AGAIN = Law(
    says="revisions lead from nothing to `head`, back to nothing, and there again.", place=f"{MODULE}.Schema.migrations"
)
AS_DECLARED = Law(
    says="the revisions make the tables that `metadata` declares: columns, keys and indexes.",
    place=f"{MODULE}.Schema.metadata",
)
CORE_LEFT_ALONE = Law(
    says="revisions make and change tables of the module, and nothing else.", place=f"{MODULE}.Schema.migrations"
)
PLANTED = Law(
    says="the suite is given a `plant` that leaves rows in every table, and each identifier in one of them.",
    place="ModuleSuite.plant",
)
EXPORTED = Law(
    says="export holds every value that the module keeps of a customer, as what JSON can hold.",
    place=f"{MODULE}.Module.export",
)
ERASED = Law(
    says="erase deletes everything the module holds about a customer, and returns how many rows.",
    place=f"{MODULE}.Module.erase",
)
SPARED = Law(says="erase touches no row about anybody else.", place=f"{MODULE}.Module.erase")
STAYS_ERASED = Law(
    says="whoever was erased stays erased, though notices come again: a module looks in the log for what it is told of, or listens "
    "to crm_customer_erased.",
    place="crmcore.hooks.specs.crm_customer_erased",
)
KEPT_APART = Law(
    says="what a module shows and does is of one workspace: that of the tables it is given.",
    place="crmcore.hooks.tables.Tables",
)
REMOVABLE = Law(
    says="a module can be removed: the core works and is upgraded without it, and finds its rows untouched when it is back.",
    place=f"{MODULE}.Schema",
)
TIMELINED = Law(
    says="a timeline's lines are about one customer: each with a time in microseconds UTC that is not ahead, a kind that is a "
    "name, a title, and a detail that JSON can hold.",
    place=f"{MODULE}.TimelineEntry",
)
COUNTED = Law(
    says="a job returns how much it did; done again at the same time it finds nothing to do.", place=f"{MODULE}.Job.run"
)
TOLD_AGAIN = Law(
    says="notices come at least once: told again, a module's tables stay as they are.",
    place="crmcore.hooks.notices.Notices",
)
MERGED = Law(
    says="once customers are one, what a module keeps is of the one that is left.",
    place="crmcore.hooks.specs.crm_customer_merged",
)
COMMANDED = Law(
    says="a command has a help text, and answers a person or, after `crm --json`, in JSON.",
    place=f"{MODULE}.Module.commands",
)
OWN_TABLES = Law(says="a module writes into its own tables, and nowhere else.", place="crmcore.hooks.tables.Tables")
TIMELESS = Law(
    says="a module takes the time from `tables.now`, and opens no socket while it acts.",
    place="crmcore.hooks.tables.Tables",
)
