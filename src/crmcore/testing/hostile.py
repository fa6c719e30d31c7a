"""What customers are called, and what templates ask for, to get out of their place in a message."""

from __future__ import annotations

from hypothesis import strategies as st

from crmcore.hooks.channel import Rendered, Unrendered

#: Text of any kind, that no store would keep included.
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=60)
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
#: What leads out of a template, and what is read where it does.
ESCAPES = {
    '{{ "".__class__.__mro__[1].__name__ * 3 }}': "objectobjectobject",
    "{{ customer.name.__class__.__mro__[1].__name__ * 3 }}": "objectobjectobject",
    "{{ cycler.__init__.__globals__.__name__ * 2 }}": "jinja2.utilsjinja2.utils",
}


def shows(one: Rendered | Unrendered, text: str) -> bool:
    """Tell whether a text can be read in a message."""
    return isinstance(one, Rendered) and (
        text.encode() in one.body or any(text in said for said in one.preview.values())
    )
