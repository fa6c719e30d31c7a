"""What crmcore costs a host's own transactions, and whether it loses, invents or disturbs anything there.

`embed.track.sqlite`, `embed.track.postgresql`: what `crm.using(connection).track(...)` adds to a transaction of two inserts,
commit included, beside what one more plain insert, into a table of its own, adds; the three take turns. On PostgreSQL, where
a commit waits for the disk, each transaction has ten of them, and a tenth of what they add is shown. `embed.call.sqlite`,
`embed.call.postgresql`: the call alone, beside the insert alone; `.forked` where the process holds no lease of ids.
`embed.adopt.sqlite`: lending a DBAPI connection.

Then 16 threads place orders on the host's own engine, several statements each, and every fourth is rolled back, while
another thread folds and reads all the time. The same without crmcore takes turns with it, and the same beside one more
writer of the host's. `embed.lost` and `embed.extra` count events against the orders that were committed, `embed.failed` the
transactions that failed, and `embed.wait` is the longest any took: SQLite's writers wait in no order. `.delete` is the same
on a rollback journal instead of WAL, and `.deferred` on an engine that says BEGIN by itself and reads before it writes:
there SQLite fails a transaction that another has overtaken, with crmcore or without.

`embed.postgresql.*` are the same on PostgreSQL, with its own defaults. There the threads name the same few e-mail addresses and
anonymous ids, in every pairing and in either order. `embed.postgresql.lock_waits` counts what the server logs: how often a
transaction of the host's waited for a lock of another's for a millisecond or longer; `embed.postgresql.deadlocks` what it
counts itself.
"""

from __future__ import annotations

import embed_postgresql
import embed_sqlite
from measuring import arguments

FIGURES = {"sqlite": embed_sqlite.figures, "postgresql": embed_postgresql.figures}


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--pairs", type=int, default=500, help="transactions of each kind (default 500)")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--transactions", type=int, default=40, help="transactions of each thread (default 40)")
    parser.add_argument("--store", choices=sorted(FIGURES), action="append", help="only this one (default: both)")
    given = parser.parse_args()
    for name, figures in FIGURES.items():
        if given.store is None or name in given.store:
            figures(given)


if __name__ == "__main__":
    main()
