"""The suite of the Channel contract: subclass it, say how to make your channel and one template, and pytest does the rest.

class TestPigeons(ChannelSuite):
    parts = {"text": "Dear {{ customer.name }}"}

    def channel(self): ...

    def addresses(self): ...

    def outline(self, body): ...
"""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.errors import InputError, InvalidIdentity, InvalidTemplate
from crmcore.hooks.channel import Channel, Draft, Rendered, Unrendered
from crmcore.hooks.sandbox import Fields
from crmcore.model.identity import Identity, identity
from crmcore.model.template import Issue, Template
from crmcore.testing.batches import SOME, ask_offline, companies
from crmcore.testing.laws import (
    ADDRESSED,
    CAPABLE,
    COMPILED,
    CONTAINED,
    DRY,
    ISSUED,
    MISSING,
    ONE_ANSWER,
    RENDER_PURE,
    WITHIN,
    Law,
    LawBroken,
    ask,
)
from crmcore.testing.suite import Suite, ask_named, needs
from crmcore.testing.watching import much_later, watched

#: Text of any kind, that no store would keep included.
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=60)
DAY = 86_400
#: What a template in a value would come to, were it one.
PRODUCT = "2100231"
HOSTILE = (
    "{{ 700077 * 3 }}",
    "{% print(700077 * 3) %}",
    "a\r\nBcc: x@example.com",
    "a\nb",
    "a\0b",
    '"}, {"to": "another',
    "<script>alert(1)</script>",
    "\u2028\u2029\x85\x1b[2J",
    "--=_boundary",
    "\ud800",
    "{{ customer.__class__.__mro__ }}",
)
Answer = Rendered | Unrendered


class ChannelSuite(Suite):
    """What every channel has to pass."""

    #: Microseconds UTC.
    now: ClassVar[int] = 2_208_988_800_000_000
    #: The parts of a template that is well, which asks for `customer.name`, a text, and no other field.
    parts: ClassVar[Mapping[str, str]]
    #: The locale of that template.
    locale: ClassVar[str] = ""
    #: The package of the channel: what it sleeps is noted.
    package: ClassVar[str] = ""

    @abstractmethod
    def channel(self) -> Channel:
        """Return the channel."""
        raise NotImplementedError

    @abstractmethod
    def addresses(self) -> Sequence[Identity]:
        """Return addresses that are well, one or more of each kind that the channel sends to, in any form it takes."""
        raise NotImplementedError

    @abstractmethod
    def outline(self, body: bytes) -> object:
        """Return what a body is made of, without what customers bring: the names of its headers, the shape of its JSON."""
        raise NotImplementedError

    def template(self, **parts: str) -> Template:
        """Return the template, with other parts."""
        name = self.channel().name
        return Template(name="suite", channel=name, parts={**self.parts, **parts}, locale=self.locale)

    def draft(self, number: int, name: str = "") -> Draft:
        """Return the draft of a number, for a customer of a name."""
        addresses = self.addresses()
        customer = Fields("customer", {"name": name or f"Customer {number}", "key": str(number)})
        return Draft(
            delivery_id=1_000_000 + number,
            address=self.channel().validate_address(addresses[number % len(addresses)]),
            context={"customer": customer},
            message_key=f"{number:032x}",
            at=self.now,
        )

    def test_it_is_what_it_says(self) -> None:
        """Its name, its version and its capabilities have their form."""
        channel = self.channel()
        ask_named(channel, "channel")
        for problem in _problems(channel):
            ask(not problem, CAPABLE, problem)

    def test_it_sends_to_the_kinds_of_addresses_it_names(self) -> None:
        """To each of them, and to no other."""
        channel, kinds = self.channel(), {one.kind for one in self.addresses()}
        named = channel.capabilities.address_kinds
        ask(kinds == named, CAPABLE, f"It names the kinds {sorted(named)}; the suite is given {sorted(kinds)}.")
        for one in self.addresses():
            other = attrs.evolve(one, kind="suite_kind")
            ask(_refused(channel, other), CAPABLE, f"It takes {other}, a kind that it does not name.")

    def test_an_address_has_one_normal_form(self) -> None:
        """Of the same kind; its own normal form is itself, and the core keeps it as it is."""
        channel = self.channel()
        for one in self.addresses():
            ask(not _refused(channel, one), ADDRESSED, f"It refuses {one}, which is to be well.")
            self._is_normal(channel, one)

    def test_whatever_an_address_holds_it_is_normal_or_refused(self) -> None:
        """By InvalidIdentity, and nothing else."""
        channel, kinds = self.channel(), sorted(self.channel().capabilities.address_kinds)
        text = st.one_of(ANYTHING, st.sampled_from(HOSTILE))
        spoilt = st.tuples(st.sampled_from(self.addresses()), text, st.integers(0, 40)).map(_spoilt)
        made = st.builds(Identity, st.sampled_from(kinds), text)

        @_fuzz(st.one_of(spoilt, made))
        def check(one: Identity) -> None:
            if not _refused(channel, one):
                self._is_normal(channel, one)

    def test_whatever_a_template_holds_its_issues_are_named(self) -> None:
        """As Issues of a part; nothing is raised, and what has none can be compiled."""
        channel = self.channel()

        @_fuzz(self._templates())
        def check(template: Template) -> None:
            self._agrees(channel, template)

    def test_a_template_that_is_well_is_compiled(self) -> None:
        """The suite's own has no issue."""
        issues = self._issues(self.channel(), self.template())
        ask(not issues, ISSUED, f"The suite's template is to be well; it says {issues}.")
        ask(not self._is_refused(self.channel(), self.template()), COMPILED, "The suite's template is not compiled.")

    def test_a_part_that_nobody_reads_is_an_issue(self) -> None:
        """Whoever misspells one is told."""
        issues = self._issues(self.channel(), self.template(suite_part="x"))
        ask(issues, CAPABLE, "A template has the part 'suite_part', which no message shows, and there is no issue.")

    @pytest.mark.parametrize("name", ["syntax", "block"])
    def test_a_template_that_cannot_be_read_is_an_issue(self, name: str) -> None:
        """In whichever part it is."""
        channel, wrong = self.channel(), {"syntax": "{{ customer.", "block": "{% if customer.name %}"}[name]
        for part in self.parts:
            issues = self._agrees(channel, self.template(**{part: wrong}))
            ask(issues, ISSUED, f"The part {part!r} is {wrong!r}, and there is no issue.")

    def test_every_draft_has_one_answer_in_order(self) -> None:
        """For none, one, and many."""
        for count in (0, 1, SOME):
            drafts = [self.draft(number) for number in range(count)]
            self._all_rendered(self._answers(drafts))

    def test_the_same_draft_gives_the_same_bytes(self) -> None:
        """Whoever renders it, in whatever company, today and tomorrow."""
        drafts = [self.draft(number) for number in range(SOME)]
        first = {one.delivery_id: one for one in self._answers(drafts)}
        with much_later(DAY):
            random.seed(4711)
            again = [one for company in companies(drafts) for some in company for one in self._answers(some)]
        for one in again:
            ask(one == first[one.delivery_id], RENDER_PURE, f"First {first[one.delivery_id]}, then {one}.")

    def test_what_a_customer_is_called_stays_where_it_is_put(self) -> None:
        """Whatever is in it: line breaks, NULs, templates, markup. It is text, or the message is not made."""
        outline = self._outline("Ada")
        for name in HOSTILE:
            for one in self._answers([self.draft(1, name)]):
                if isinstance(one, Rendered):
                    self._is_contained(one, name, outline)

    def test_whatever_a_customer_is_called_the_message_keeps_its_form(self) -> None:
        """The same for any text at all."""
        outline = self._outline("Ada")

        @_fuzz(ANYTHING.filter(bool))
        def check(name: str) -> None:
            for one in self._answers([self.draft(1, name)]):
                if isinstance(one, Rendered):
                    self._is_contained(one, name, outline)

    def test_what_is_missing_is_named(self) -> None:
        """So that a campaign can say whom it cannot reach, and why."""
        draft = attrs.evolve(self.draft(1), context={"customer": Fields("customer", {})})
        [one] = self._answers([draft])
        ask(isinstance(one, Unrendered), MISSING, f"The customer has no name, and the answer is {one}.")
        field = one.field if isinstance(one, Unrendered) else None
        ask(field == "customer.name", MISSING, f"The customer has no name, and the field that is missing is {field!r}.")

    def test_what_is_too_long_is_refused(self) -> None:
        """By the number of characters that the capabilities name."""
        most = needs(self.channel().capabilities.content_length, "content_length")
        [one] = self._answers([self.draft(1, "x" * (most + 1))])
        ask(isinstance(one, Unrendered), WITHIN, f"{most} characters fit, and {most + 1} were rendered.")

    def test_what_has_too_many_bytes_is_refused(self) -> None:
        """Whatever letters they are of."""
        most = needs(self.channel().capabilities.max_bytes, "max_bytes")
        for letter in ("x", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{PILE OF POO}"):
            for count in (most // 8, most // 4, most // 2, most - 1, most + 1):
                [one] = self._answers([self.draft(1, letter * count)])
                size = (
                    len(one.preview.get(next(iter(one.preview), ""), "").encode()) if isinstance(one, Rendered) else 0
                )
                ask(size <= most, WITHIN, f"{most:,} bytes fit, and a text of {size:,} was rendered.")
                is_over = len((letter * count).encode()) > most
                ask(
                    not (is_over and isinstance(one, Rendered)),
                    WITHIN,
                    f"{most:,} bytes fit; {count} {letter!r} were rendered.",
                )

    def test_it_opens_no_socket_and_does_not_sleep(self) -> None:
        """Whatever it is asked: a dry run is one."""
        with watched(self.package or type(self.channel()).__module__) as watch:
            ask_offline(self._whole, DRY)
        ask(not watch.slept, DRY, f"{'; '.join(watch.slept)}.")

    def _whole(self) -> None:
        channel = self.channel()
        for one in self.addresses():
            channel.validate_address(one)
        channel.validate_template(self.template())
        self._answers([self.draft(number) for number in range(SOME)])

    def _templates(self) -> st.SearchStrategy[Template]:
        names = st.sampled_from([*sorted(self.parts), "text", "subject", "title", "x", ""])
        sources = st.one_of(
            ANYTHING, st.sampled_from(["", "{{", "{{ customer.name }}", "{% x %}", "a\r\nb", "\0", "\ud800", "x" * 200])
        )
        return st.tuples(st.dictionaries(names, sources, max_size=3), st.booleans()).map(self._template)

    def _template(self, drawn: tuple[dict[str, str], bool]) -> Template:
        parts, is_whole = drawn
        whole = self.template()
        return attrs.evolve(whole, parts={**whole.parts, **parts} if is_whole else parts)

    def _issues(self, channel: Channel, template: Template) -> Sequence[Issue]:
        try:
            issues = channel.validate_template(template)
        except Exception as error:
            raise LawBroken(ISSUED, f"validate_template raised {error!r} for {template.parts}.") from error
        fine = isinstance(issues, tuple) and all(isinstance(one, Issue) for one in issues)
        ask(fine, ISSUED, f"validate_template returned {issues!r}, no tuple of Issues.")
        return issues

    def _agrees(self, channel: Channel, template: Template) -> Sequence[Issue]:
        issues = self._issues(channel, template)
        is_refused = self._is_refused(channel, template)
        said = (
            f"Of {template.parts} the issues are {issues}, and compile {'raised' if is_refused else 'did not raise'}."
        )
        ask(is_refused == bool(issues), COMPILED, said)
        return issues

    def _is_refused(self, channel: Channel, template: Template) -> bool:
        try:
            channel.compile(template)
        except InvalidTemplate:
            return True
        except Exception as error:
            raise LawBroken(COMPILED, f"compile raised {error!r} for {template.parts}.") from error
        return False

    def _answers(self, drafts: Sequence[Draft]) -> Sequence[Answer]:
        channel = self.channel()
        try:
            answers = channel.render(channel.compile(self.template()), drafts)
        except Exception as error:
            raise LawBroken(ONE_ANSWER, f"render raised {error!r} for {len(drafts)} drafts.") from error
        fine = isinstance(answers, Sequence) and all(isinstance(one, Rendered | Unrendered) for one in answers)
        ask(fine, ONE_ANSWER, f"render returned {answers!r}, no sequence of Rendered and Unrendered.")
        asked, got = [one.delivery_id for one in drafts], [one.delivery_id for one in answers]
        ask(asked == got, ONE_ANSWER, f"The drafts are of {asked}, the answers of {got}.")
        return answers

    def _all_rendered(self, answers: Sequence[Answer]) -> None:
        unrendered = [one for one in answers if isinstance(one, Unrendered)]
        ask(
            not unrendered, ONE_ANSWER, f"The suite's drafts are to be well; of them are not rendered {unrendered[:1]}."
        )

    def _outline(self, name: str) -> object:
        [one] = self._answers([self.draft(1, name)])
        self._all_rendered([one])
        assert isinstance(one, Rendered)
        return self.outline(one.body)

    def _is_contained(self, one: Rendered, name: str, outline: object) -> None:
        found = self._made_of(one, name)
        ask(
            found == outline,
            CONTAINED,
            f"A customer is called {name!r}; the message is made of {found}, others of {outline}.",
        )
        is_read = PRODUCT in one.body.decode("utf-8", "replace") or any(
            PRODUCT in said for said in one.preview.values()
        )
        ask(not is_read, CONTAINED, f"A customer is called {name!r}, and that was read as a template.")

    def _made_of(self, one: Rendered, name: str) -> object:
        try:
            return self.outline(one.body)
        except Exception as error:
            raise LawBroken(
                CONTAINED, f"A customer is called {name!r}, and the body cannot be read: {error!r}."
            ) from error

    def _is_normal(self, channel: Channel, one: Identity) -> None:
        normal = channel.validate_address(one)
        ask(normal.kind == one.kind, ADDRESSED, f"The normal form of {one} is {normal}, of another kind.")
        again = None if _refused(channel, normal) else channel.validate_address(normal)
        ask(again == normal, ADDRESSED, f"The normal form of {one} is {normal}, and of that it is {again}.")
        try:
            identity(normal.kind, normal.value)
        except InputError as error:
            said = f"The normal form of {one} is {normal}, which no customer can have: {error}"
            raise LawBroken(ADDRESSED, said) from error


def _fuzz(drawn: st.SearchStrategy[Any]) -> Callable[[Callable[[Any], None]], None]:
    """Check something of whatever is drawn, at once."""

    def run(check: Callable[[Any], None]) -> None:
        settings(max_examples=100, deadline=None, database=None, report_multiple_bugs=False)(given(drawn)(check))()

    return run


def _refused(channel: Channel, one: Identity) -> bool:
    try:
        channel.validate_address(one)
    except InvalidIdentity:
        return True
    except Exception as error:
        raise LawBroken(ADDRESSED, f"validate_address raised {error!r} for {one!r}.") from error
    return False


def _spoilt(drawn: tuple[Identity, str, int]) -> Identity:
    one, text, place = drawn
    return attrs.evolve(one, value=one.value[:place] + text + one.value[place:])


def _problems(channel: Channel) -> Sequence[str]:
    can = channel.capabilities
    limits = {name: getattr(can, name) for name in ("content_length", "max_bytes", "session_window")}
    found = [f"{name} is {most}, nothing fits." for name, most in limits.items() if most is not None and most < 1]
    found += [] if can.address_kinds else ["It names no kind of address."]
    found += [] if can.content_kinds else ["It names no kind of content."]
    if can.opens_session and can.session_window is None:
        found.append("It names parts that open a session, and no session window.")
    return found


__all__ = ["ChannelSuite", "Law", "LawBroken"]
