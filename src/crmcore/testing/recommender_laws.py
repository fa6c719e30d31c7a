"""What the contract of recommenders asks for, in words; laws.py has those of the other contracts."""

from __future__ import annotations

from crmcore.testing.laws import Law

PLACE = "crmcore.hooks.recommender"

REPRODUCED = Law(
    says="the same data and seed give the same model, and the same answers, in whatever order their rows are.",
    place=f"{PLACE}.Recommender.fit",
)
ALONE = Law(
    says="recommend returns one Ranking per request, in order, each as if it were asked alone.",
    place=f"{PLACE}.Recommender.recommend",
)
CATALOGUED = Law(says="a Ranking holds at most `k` items of the catalogue, each once.", place=f"{PLACE}.Ranking")
ORDERED = Law(
    says="scores are finite numbers, the best first, and the lower item id first where two are equal.",
    place=f"{PLACE}.Ranking",
)
ELIGIBLE = Law(
    says="only candidates are recommended, and nothing of `exclude`, even where fewer than `k` remain.",
    place=f"{PLACE}.Request",
)
MISSING_TO_K = Law(says="`shortfall` is how many are missing to `k`.", place=f"{PLACE}.Ranking")
REPEATED = Law(
    says="`exclude` leaves out what the customer has bought more often than returned, `only` leaves out all else.",
    place=f"{PLACE}.Request",
)
ANSWERED = Law(
    says="whoever asks is answered: nobody known, nothing bought, no catalogue, any `k` are no error.",
    place=f"{PLACE}.Recommender.recommend",
)
NOT_AHEAD = Law(says="what happens after `now` is ignored.", place=f"{PLACE}.Recommender.fit")
MONOTONE = Law(
    says="one more purchase never lowers an item for its customer, and a return never lifts it (capability frequency).",
    place=f"{PLACE}.CAPABILITIES",
)
FRESH = Law(
    says="`history` overrides what the model knows of the customer, for that request alone.", place=f"{PLACE}.Request"
)
UPDATED = Law(
    says="update returns a new model that also knows what is new (capability incremental).",
    place=f"{PLACE}.Recommender.update",
)
EXACT = Law(
    says="what update and forget return answers as a fit of the same interactions would (capability exact).",
    place=f"{PLACE}.CAPABILITIES",
)
STORED = Law(
    says="load returns the model that dump gave: its answers, and its dump, are the same.",
    place=f"{PLACE}.Recommender.load",
)
UNPICKLED = Law(
    says="a stored model is arrays of numbers and JSON text with its `format`, without pickle.",
    place=f"{PLACE}.Recommender.dump",
)
REFUSED = Law(
    says="load raises IncompatibleModel, and nothing else, for whatever dump did not give.",
    place=f"{PLACE}.Recommender.load",
)
SHARED = Law(says="a model is safe to read from several threads, also while others learn.", place=f"{PLACE}.Model")
FORGOTTEN = Law(
    says="forget returns a new model without these customers (capability forgets).",
    place=f"{PLACE}.Recommender.forget",
)
NAMELESS = Law(says="ids are names: others in their place give the same answers under other names.", place=PLACE)
UNMOVED = Law(
    says="an engine knows what it is shown: it reads no clock and no time zone, and opens no socket.", place=PLACE
)
IMMUTABLE = Law(says="a model is immutable, and what an engine is shown stays as it is.", place=f"{PLACE}.Model")
BOUNDED = Law(
    says="its settings limit what a fit takes: more raises BadConfig, before memory or time run out.",
    place=f"{PLACE}.CAPABILITIES",
)
SUMMED = Law(
    says="the parts of Reasons sum to the score, within 1e-5 of it (capability explain).", place=f"{PLACE}.Reasons"
)
ALIKE_ITEMS = Law(
    says="similar_items returns one Ranking per item, in order, of other items (capability similar).",
    place=f"{PLACE}.Recommender.similar_items",
)
CLAIMED = Law(
    says="`capabilities` are words of CAPABILITIES, and the engine has their methods.", place=f"{PLACE}.Recommender"
)
TELLING_RANKINGS = Law(
    says="customers of the suite's shop, who have bought, are recommended something.", place="RecommenderSuite"
)
