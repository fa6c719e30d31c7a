"""What a person does with the browser: open a page, allow notifications, read one, click on it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import attrs

from tests.browser.bidi import Bidi
from tests.browser.loop import Run

#: Wait for Firefox's own window that shows a notification, and press and release the mouse on its text.
CLICK = """
async title => {
    const titled = window => window.document.getElementById("alertTitleLabel")?.getAttribute("value") === title;
    const shown = () => [...Services.wm.getEnumerator("alert:alert")].find(one => one.gIsActive && titled(one));
    while (!shown()) await new Promise(resolve => setTimeout(resolve, 10));
    const box = shown().document.getElementById("alertTextLabel").getBoundingClientRect();
    for (const [kind, buttons] of [["mousedown", 1], ["mouseup", 0]])
        shown().synthesizeMouseEvent(kind, box.x + 5, box.y + 5, {button: 0, clickCount: 1, buttons}, {});
}
"""


@attrs.frozen(kw_only=True)
class Tab:
    """A page that is open."""

    run: Run
    bidi: Bidi = attrs.field(repr=False)
    context: str

    def call(self, script: str, *arguments: str) -> Any:
        """Call an async function in the page; return what it brings, as JSON carries it."""
        function = f"async (...given) => JSON.stringify(await ({script})(...given) ?? null)"
        return json.loads(self.run(self.bidi.evaluate(self.context, function, *arguments)))


@attrs.frozen(kw_only=True)
class Browser:
    """A browser that runs; what one `user_context` keeps is nothing to another, as if it were another browser."""

    run: Run
    bidi: Bidi = attrs.field(repr=False)
    user_context: str = "default"

    def another(self) -> Browser:
        """Return a browser that has seen nothing yet."""
        made = self.run(self.bidi.command("browser.createUserContext"))
        return attrs.evolve(self, user_context=made["userContext"])

    def open(self, url: str) -> Tab:
        """Open a page in a tab of its own, and wait until it is there."""
        tab = self.run(self.bidi.command("browsingContext.create", type="tab", userContext=self.user_context))
        self.run(self.bidi.command("browsingContext.navigate", context=tab["context"], url=url, wait="complete"))
        return Tab(run=self.run, bidi=self.bidi, context=tab["context"])

    def allow_notifications(self, origin: str) -> None:
        """Say yes to a site that wants to show notifications."""
        self._permit("granted", origin)

    def deny_notifications(self, origin: str) -> None:
        """Say no."""
        self._permit("denied", origin)

    def click_notification(self, title: str) -> None:
        """Wait for a notification to show, and click on it."""
        tree: Mapping[str, Any] = self.run(self.bidi.command("browsingContext.getTree", **{"moz:scope": "chrome"}))
        window = next(one["context"] for one in tree["contexts"] if one["url"].endswith("/browser.xhtml"))
        self.run(self.bidi.evaluate(window, CLICK, title))

    def _permit(self, state: str, origin: str) -> None:
        what = {"descriptor": {"name": "notifications"}, "state": state, "origin": origin}
        self.run(self.bidi.command("permissions.setPermission", **what, userContext=self.user_context))


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Bidi]:
    """Connect to a browser's BiDi endpoint and begin a session."""
    async with aiohttp.ClientSession() as client, client.ws_connect(url, max_msg_size=0) as socket:
        bidi = Bidi(socket)
        await bidi.command("session.new", capabilities={})
        yield bidi
        await bidi.close()
