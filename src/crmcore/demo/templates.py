"""What the demo's shop says."""

from __future__ import annotations

WINBACK = {
    "subject": "{{ customer.name }}, we have missed you",
    "text": """Hello {{ customer.name }},

it has been a while. These would go well with what you have bought before:
{% for offer in offers %}
- {{ offer.title }}{% if offer.price %} ({{ offer.price }}){% endif %}
{%- endfor %}

See you soon,
the shop

No more mails like this: {{ links.unsubscribe }}
""",
    "html": """<!doctype html>
<html lang="en"><body style="font-family: sans-serif; max-width: 36em; margin: auto; color: #222">
<h1 style="font-size: 1.4em">Hello {{ customer.name }},</h1>
<p>it has been a while. These would go well with what you have bought before:</p>
<table style="border-collapse: collapse; width: 100%">
{% for offer in offers %}
<tr><td style="padding: .5em; border-bottom: 1px solid #ddd">{{ offer.title }}</td>
<td style="padding: .5em; border-bottom: 1px solid #ddd; text-align: right">{{ offer.price or "" }}</td></tr>
{% endfor %}
</table>
<p>See you soon,<br>the shop</p>
<p style="font-size: .8em; color: #777">You get this as a customer of the shop.
<a href="{{ links.unsubscribe }}">No more mails like this</a></p>
</body></html>
""",
}

THANKS = {
    "subject": "Thank you, {{ customer.name }}",
    "text": """Hello {{ customer.name }},

you have been with us all year. Thank you: the next parcel goes out without postage.

The shop

No more mails like this: {{ links.unsubscribe }}
""",
    "html": """<!doctype html>
<html lang="en"><body style="font-family: sans-serif; max-width: 36em; margin: auto; color: #222">
<h1 style="font-size: 1.4em">Thank you, {{ customer.name }}</h1>
<p>You have been with us all year. The next parcel goes out without postage.</p>
<p style="font-size: .8em; color: #777"><a href="{{ links.unsubscribe }}">No more mails like this</a></p>
</body></html>
""",
}
