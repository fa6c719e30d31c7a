"""django-post_office, as its documentation says, in an environment of its own: queue mails, then send the queue.

Prints the seconds the sending took. Arguments: port of the sink, how many mails, a folder for the database.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import django
from django.conf import settings

port, count, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "post_office.db")}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "post_office"],
    EMAIL_BACKEND="post_office.EmailBackend",
    POST_OFFICE={
        "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
        "BATCH_SIZE": 1000,
        "THREADS_PER_PROCESS": 1,
        "LOG_LEVEL": 1,
    },
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=port,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    SECRET_KEY="x",
)
django.setup()

from django.core.management import call_command  # noqa: E402 - after setup
from post_office import mail  # noqa: E402 - after setup
from post_office.models import PRIORITY, STATUS, Email  # noqa: E402 - after setup

call_command("migrate", verbosity=0)
text = Path(sys.argv[4]).read_text()
html = Path(sys.argv[5]).read_text()
rows = [
    {
        "recipients": [f"c{number}@example.com"],
        "sender": "Shop <shop@example.com>",
        "subject": f"Hello Name {number}",
        "message": text.replace("NAME", f"Name {number}"),
        "html_message": html.replace("NAME", f"Name {number}"),
        "headers": {"List-Unsubscribe": f"<https://shop.example/u/{number}>"},
        "priority": PRIORITY.medium,
    }
    for number in range(count)
]
mail.send_many(rows)
start = time.perf_counter()
while Email.objects.filter(status=STATUS.queued).exists():
    mail.send_queued(processes=1)
took = time.perf_counter() - start
sent = Email.objects.filter(status=STATUS.sent).count()
if sent != count:
    raise SystemExit(f"{sent} of {count} were sent")
print(took)
