"""Where the parser stands in a text: look ahead, take what is expected, or refuse."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from crmcore.errors import InputError, InvalidCondition
from crmcore.model.condition import MAX_DEPTH, MAX_LEAVES
from crmcore.model.wording.refusing import meant, refused
from crmcore.model.wording.scanning import Token, tokens, unquoted


class Cursor:
    """A text being read, token by token."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._coming = tokens(text)
        self._ahead: deque[Token] = deque()
        self._tried: set[str] = set()
        self._depth = self._leaves = 0

    def peek(self, ahead: int = 0) -> Token:
        """Return the next token, or one further ahead, and stay."""
        while len(self._ahead) <= ahead:
            self._ahead.append(next(self._coming, None) or self._ahead[-1])
        return self._ahead[ahead]

    def next(self) -> Token:
        """Return the next token and go on."""
        token = self.peek()
        self._ahead.popleft()
        self._tried.clear()
        return token

    def at(self, *said: str) -> bool:
        """Tell whether the next token is one of these words or signs; they are then known to be possible here."""
        self._tried.update(said)
        return self.said() in said

    def said(self, ahead: int = 0) -> str:
        """Return the next word (in lower case) or sign; nothing where it is neither."""
        token = self.peek(ahead)
        return token.raw.lower() if token.kind in ("word", "sign") else ""

    def take(self, *said: str) -> bool:
        """Go on past these words and signs if they come next, and tell so."""
        if not self.at(said[0]) or any(self.said(index) != one for index, one in enumerate(said)):
            return False
        for _ in said:
            self.next()
        return True

    def need(self, *said: str) -> None:
        """Go on past these words and signs; raise InvalidCondition where something else stands."""
        for one in said:
            if not self.take(one):
                raise self.unexpected(f"`{one}`")

    def quoted(self) -> str:
        """Return the quoted text that comes next, and go on."""
        return unquoted(self.text, self.next())

    def end(self) -> None:
        """Make sure that nothing follows."""
        if self.peek().kind != "end":
            raise self.unexpected("`and`, `or` or the end")

    def unexpected(self, expected: str, known: Iterable[str] = ()) -> InvalidCondition:
        """Return the error that something else was expected here; a known or possible word was perhaps meant."""
        token = self.peek()
        near = meant(token.raw, sorted(self._tried.union(known))) if token.kind == "word" else ""
        return self.refused(token, f"expected {expected}, found {token}{near}")

    def refused(self, token: Token, problem: str) -> InvalidCondition:
        """Return the error about a token."""
        return refused(self.text, token.offset, problem)

    @contextmanager
    def placed(self, token: Token) -> Iterator[None]:
        """Say of what is refused inside that it is this token."""
        try:
            yield
        except InputError as error:
            if "line" in error.fields:
                raise
            problem = error.fields.get("problem") if isinstance(error, InvalidCondition) else error
            raise self.refused(token, str(problem).rstrip(".")) from error

    @contextmanager
    def nested(self) -> Iterator[None]:
        """Be one deeper inside; raise InvalidCondition beyond MAX_DEPTH."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.refused(self.peek(), f"it is nested deeper than {MAX_DEPTH}")
        yield
        self._depth -= 1

    def count_leaf(self) -> None:
        """Count one more condition; raise InvalidCondition beyond MAX_LEAVES."""
        self._leaves += 1
        if self._leaves > MAX_LEAVES:
            raise self.refused(self.peek(), f"at most {MAX_LEAVES:,} conditions fit")
