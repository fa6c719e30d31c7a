"""Both sinks of a world, with their traps and the logs of what they took."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from crmcore.testing.http_sink import HttpSink, Post
from crmcore.testing.log import Log
from crmcore.testing.postfix_sink import PostfixSink
from crmcore.testing.smtp_sink import Mail, Sink
from tests.faults.auditing import Arrival
from tests.faults.trap import Trap

MESSAGE_ID = re.compile(rb"^Message-ID: <([0-9a-f]+)@", re.MULTILINE)


@attrs.frozen(kw_only=True)
class Sinks:
    """Where messages go; the traps by the sink's name. All of them have arrived once the sinks are left."""

    smtp: Sink | PostfixSink
    http: HttpSink
    traps: dict[str, Trap]
    mails: Log[Mail]
    posts: Log[Post]

    def arrivals(self) -> list[Arrival]:
        """Return what was taken."""
        mails = self.smtp.mails if isinstance(self.smtp, PostfixSink) else self.mails
        return [*map(_of_mail, mails), *(Arrival(key=one.key, body=one.body) for one in self.posts)]


def _of_mail(mail: Mail) -> Arrival:
    found = MESSAGE_ID.search(mail.body)
    return Arrival(key=found[1].decode() if found else "", body=mail.body)


@contextmanager
def sinks(*, postfix: Sequence[str] | None = None) -> Iterator[Sinks]:
    """Run both sinks; with options for it, that of Postfix takes the mails. What was taken can be read until this is left."""
    traps = {"smtp": Trap(), "http": Trap()}
    with TemporaryDirectory(prefix="crm-sinks-") as name, ExitStack() as stack:
        folder = Path(name)
        mails = stack.enter_context(Log(folder / "mails", Mail))
        posts = stack.enter_context(Log(folder / "posts", Post))
        smtp: Sink | PostfixSink
        smtp = Sink(traps["smtp"], mails) if postfix is None else PostfixSink(folder / "postfix", postfix)
        yield Sinks(smtp=smtp, http=HttpSink(traps["http"], posts), traps=traps, mails=mails, posts=posts)
