"""Conditions in words: what a marketer can read and a developer can type; `docs/howto/segment.md` has the language.

`to_condition(to_text(condition)) == condition`, and `to_text(to_condition(text))` is the normal form of a text.
"""

from crmcore.model.wording.parsing import MAX_LENGTH, to_condition
from crmcore.model.wording.printing import to_text

__all__ = ["MAX_LENGTH", "to_condition", "to_text"]
