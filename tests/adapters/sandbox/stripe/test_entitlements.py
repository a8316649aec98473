"""What a customer may use: features of products, and the summary that holds ten of them at most."""

import pytest
import stripe

from tests.adapters.sandbox.stripe.harness import Sandbox, plain

SUMMARY = "entitlements.active_entitlement_summary.updated"


def selling(sandbox: Sandbox, *keys: str) -> str:
    """A price whose product gives these features."""
    price = sandbox.api.prices.retrieve(sandbox.price())
    for key in keys:
        feature = sandbox.api.entitlements.features.create({"name": key.upper(), "lookup_key": key})
        sandbox.api.products.features.create(str(price.product), {"entitlement_feature": feature.id})
    return price.id


def held(sandbox: Sandbox, customer: object) -> set[str]:
    listed = sandbox.api.entitlements.active_entitlements.list({"customer": str(customer), "limit": 5})
    return {one.lookup_key for one in listed.auto_paging_iter()}


def test_who_subscribes_may_use_the_features_until_the_end(sandbox: Sandbox) -> None:
    subscription = sandbox.subscribe(selling(sandbox, "sd", "hd"))
    assert held(sandbox, subscription.customer) == {"sd", "hd"}

    sandbox.api.subscriptions.cancel(subscription.id)

    assert held(sandbox, subscription.customer) == set()
    [gone, came] = sandbox.api.events.list({"type": SUMMARY}).data
    assert len(came.data.object["entitlements"]["data"]) == 2
    assert gone.data.object["entitlements"]["data"] == []
    assert gone.data.object["customer"] == subscription.customer


def test_the_summary_holds_ten_and_the_list_all(sandbox: Sandbox) -> None:
    keys = {f"f{number}" for number in range(12)}

    subscription = sandbox.subscribe(selling(sandbox, *keys))

    [event] = sandbox.api.events.list({"type": SUMMARY}).data
    assert len(event.data.object["entitlements"]["data"]) == 10
    assert event.data.object["entitlements"]["has_more"]
    assert held(sandbox, subscription.customer) == keys


def test_a_pause_takes_them_and_a_failing_card_does_not_yet(sandbox: Sandbox) -> None:
    subscription = sandbox.subscribe(selling(sandbox, "hd"))
    sandbox.api.subscriptions.pause(subscription.id)
    assert held(sandbox, subscription.customer) == set()
    sandbox.card(subscription.customer, "decline")

    assert sandbox.api.subscriptions.resume(subscription.id).status == "past_due"

    assert held(sandbox, subscription.customer) == {"hd"}


def test_a_product_gives_another_feature_and_takes_it_back(sandbox: Sandbox) -> None:
    price = selling(sandbox, "sd")
    subscription = sandbox.subscribe(price)
    product = str(sandbox.api.prices.retrieve(price).product)
    late = sandbox.api.entitlements.features.create({"name": "UHD", "lookup_key": "uhd"})

    link = sandbox.api.products.features.create(product, {"entitlement_feature": late.id})
    assert held(sandbox, subscription.customer) == {"sd", "uhd"}
    assert sandbox.api.products.features.retrieve(product, link.id).entitlement_feature.id == late.id
    sandbox.api.products.features.delete(product, link.id)

    assert held(sandbox, subscription.customer) == {"sd"}
    assert [one.entitlement_feature.lookup_key for one in sandbox.api.products.features.list(product).data] == ["sd"]


def test_a_feature_is_known_by_its_key(sandbox: Sandbox) -> None:
    feature = sandbox.api.entitlements.features.create({"name": "HD", "lookup_key": "hd", "metadata": {"a": "b"}})

    assert sandbox.api.entitlements.features.retrieve(feature.id).lookup_key == "hd"
    assert [one.id for one in sandbox.api.entitlements.features.list({"lookup_key": "hd"}).data] == [feature.id]
    assert plain(feature.metadata) == {"a": "b"}
    with pytest.raises(stripe.InvalidRequestError, match="exists"):
        sandbox.api.entitlements.features.create({"name": "Again", "lookup_key": "hd"})
