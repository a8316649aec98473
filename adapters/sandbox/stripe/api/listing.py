"""Lists as Stripe pages them: newest first, from behind or before an object's id."""

from collections.abc import Mapping

from adapters.sandbox.stripe.api.parameters import EXPAND, ID, INSTANT, Reader, fields, whole
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.books.store import Query, Wanted
from adapters.sandbox.stripe.errors import StripeRefusal, no_such
from adapters.sandbox.stripe.shapes import StripeObject, list_of, public

USUAL, MOST = 10, 100
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _created(name: str, given: object) -> list[tuple[str, int]]:
    """`created=5` or `created[gte]=5&created[lt]=9`, as SQL comparisons."""
    if isinstance(given, str):
        return [("=", INSTANT(name, given))]
    bounds: StripeObject = fields(**dict.fromkeys(COMPARISONS, INSTANT))(name, given)
    return [(COMPARISONS[word], at) for word, at in bounds.items()]


def listed_by(**readers: Reader) -> Reader:
    """The parameters of a list, with filters of its own."""
    return fields(limit=whole(1, MOST), starting_after=ID, ending_before=ID, created=_created, expand=EXPAND, **readers)


def filters(given: StripeObject, *names: str, **paths: str) -> dict[str, Wanted]:
    """Of the parameters given, those that say what an object must be, by the dotted path of the field they mean."""
    meant = dict.fromkeys(names) | paths
    return {path or name: given[name] for name, path in meant.items() if name in given}


def page(
    moment: Moment,
    parameters: StripeObject,
    *,
    kind: str,
    url: str,
    where: Mapping[str, Wanted],
    since: int | None = None,
    undelivered: bool | None = None,
) -> StripeObject:
    """One page of `kind`; `where` maps dotted paths to what they must be, `since` hides what is older."""
    _refuse_unknown_customer(moment, parameters)
    created: list[tuple[str, int]] = list(parameters.get("created", []))
    if since is not None:
        created.append((">=", since))
    query = Query(kind, where, created, undelivered)
    after, before = (_cursor(moment, kind, parameters, name) for name in ("starting_after", "ending_before"))
    limit = parameters.get("limit", USUAL)
    if after and before:
        raise StripeRefusal("Pass either starting_after or ending_before, not both.")
    if before:
        found = moment.store.newer(query, limit=limit + 1, than=before)
        kept = found[-limit:]
    else:
        found = moment.store.newest(query, limit=limit + 1, older_than=after)
        kept = found[:limit]
    return list_of(url, [public(obj) for obj in kept], has_more=len(found) > limit)


def _refuse_unknown_customer(moment: Moment, parameters: StripeObject) -> None:
    """Stripe lists nothing by a customer whom it does not know, or who was deleted: it refuses."""
    customer: str | None = parameters.get("customer")
    if customer is not None and moment.find("customer", customer) is None:
        raise no_such("customer", customer, param="customer", status=400)


def _cursor(moment: Moment, kind: str, parameters: StripeObject, name: str) -> str | None:
    id: str | None = parameters.get(name)
    if id is not None and moment.find(kind, id) is None:
        raise no_such(kind, id, param=name, status=400)
    return id
