"""Segments: what keeping a hundred of them right costs, what a change costs, and what asking costs.

The shop: customers in 50 cities, events of 8 names over two years in the order of their time, taken a thousand a
transaction while the clock follows them; 100 segments, each of two to four of 65 atoms "n events of a kind in a window" joined
by and, or and not, in 3 cities. What is compared is interleaved batch by batch, by the wall and (`.cpu`) by the time of this
process. After every run every segment's members are compared with looking at everybody. Default: 10,000 customers and 200,000
events; the issue's size is --customers 100000 --events 2000000.

segment.fold: track_many with the sums of customers' events, to track_many that only appends.
segment.upkeep_100: track_many with the segments, one catching up at the end included, to track_many without any.
segment.tick: what catching up after every batch adds; the ratio is that of both together.
segment.track_100: one event, committed, with the segments to one without. segment.refresh_10: from the commit of a host's
transaction that changed 10 customers until segments are right. segment.refresh_growth: the same for 5,000.
segment.fill: an edited segment until everybody has been looked at for it. segment.fill_100: all of them, new.
segment.due, segment.due.postgresql: finding a batch of 1,000 due among 1,000,000 timers.
segment.sql.sqlite, segment.sql.postgresql: two or more orders in 180 days, no mail opened in 30 days, one of three cities, by
the condition and by SQL written by hand.
segment.mismatches: random trees over random histories of which SQL (on both stores) and the reference tell differently.
"""

from __future__ import annotations

from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Mapping

from measuring import arguments, report
from segment_changing import changing
from segment_reading import due, mismatches, sql
from segment_writing import fold, upkeep
from segmenting import Figure, progress

FIGURES: Mapping[str, Callable[[Namespace], Iterator[Figure]]] = {
    "segment.fold": fold,
    "segment.upkeep_100": upkeep,
    "segment.tick": upkeep,
    "segment.track_100": changing,
    "segment.refresh_10": changing,
    "segment.refresh_growth": changing,
    "segment.fill": changing,
    "segment.fill_100": changing,
    "segment.due": due,
    "segment.sql.sqlite": sql,
    "segment.sql.postgresql": sql,
    "segment.mismatches": mismatches,
}


def main() -> None:
    """Measure, and print the figures."""
    parser = arguments(__doc__ or "")
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--timers", type=int, default=1_000_000, help="standings that wait (default 1,000,000)")
    parser.add_argument("--cases", type=int, default=10_000, help="trees drawn for segment.mismatches (default 10,000)")
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=list(FIGURES), metavar="NAME")
    given = parser.parse_args()
    for measure in dict.fromkeys(FIGURES[name] for name in given.only):
        for figure in measure(given):
            progress("")
            report(
                as_json=given.json,
                name=figure.name,
                value=figure.value,
                unit=figure.unit,
                against=figure.against,
                ratio=figure.ratio,
            )


if __name__ == "__main__":
    main()
