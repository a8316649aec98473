"""What the document says may follow an answer can follow it: each link names what there is."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from entrypoints.http.links import LINKS
from tests.http.described import Described, described, operations, routes_alone

TOKEN_IN_ADDRESS = {"upload_video": {"token"}}
"""What no expression can take out of `upload.url`."""


@pytest.fixture(scope="module")
def by_id() -> dict[str, Described]:
    return {operation["operationId"]: operation for _, operation in operations(described(routes_alone()))}


def good(operation: Described) -> Described:
    """The good answer."""
    answer: Described = next(answer for status, answer in operation["responses"].items() if status < "300")
    return answer


def links(by_id: dict[str, Described]) -> Iterator[tuple[str, Described, Described]]:
    """Each with its name, the operation that it is of and the one that it leads to."""
    for operation_id, operation in by_id.items():
        for name, link in good(operation).get("links", {}).items():
            yield f"{operation_id} > {name}", operation, link


def example(content: Described) -> Any:
    return content["content"]["application/json"]["example"]


def found(expression: str, operation: Described) -> Any:
    """What an expression stands for in the document's own examples. Raises where there is no such thing."""
    where, _, pointer = expression.partition("#/")
    if where in {"$response.body", "$request.body"}:
        value = example(good(operation) if where == "$response.body" else operation["requestBody"])
        for step in pointer.split("/"):
            value = value[int(step) if isinstance(value, list) else step]
        return value
    _, place, name = expression.split(".")
    if expression.startswith("$response.header."):
        return good(operation)["headers"][name]["schema"]["examples"][0]
    assert any((one["name"], one["in"]) == (name, place) for one in operation["parameters"]), expression
    return None


def test_every_operation_that_is_to_have_links_is_there(by_id: dict[str, Described]) -> None:
    assert set(LINKS) <= set(by_id)


def test_every_link_names_an_operation_with_such_parameters_and_fields(by_id: dict[str, Described]) -> None:
    for name, _, link in links(by_id):
        target = by_id[link["operationId"]]
        assert set(link.get("parameters", {})) <= {one["name"] for one in target["parameters"]}, name
        if "requestBody" in link:
            assert set(link["requestBody"]) <= set(example(target["requestBody"])), name


def test_what_a_link_takes_is_in_the_answer_or_was_asked(by_id: dict[str, Described]) -> None:
    for name, operation, link in links(by_id):
        target = by_id[link["operationId"]]
        kinds = {one["name"]: one["schema"].get("format") for one in target["parameters"]}
        taken = [*link.get("parameters", {}).items(), *link.get("requestBody", {}).items()]
        for parameter, given in taken:
            value = found(given, operation) if str(given).startswith("$") else given
            if kinds.get(parameter) == "uuid" and value is not None:
                assert str(UUID(value)) == value, name


def test_a_link_leads_to_one_address(by_id: dict[str, Described]) -> None:
    for name, _, link in links(by_id):
        needed = {one["name"] for one in by_id[link["operationId"]]["parameters"] if one["in"] == "path"}
        missing = needed - set(link.get("parameters", {}))
        assert missing == TOKEN_IN_ADDRESS.get(link["operationId"], set()), name


def test_every_link_says_what_it_is_for(by_id: dict[str, Described]) -> None:
    assert [name for name, _, link in links(by_id) if not link["description"].endswith(".")] == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("register", {"login", "refresh", "logout"}),
        ("create_plan", {"open_checkout", "change_plan", "withdraw_plan"}),
        ("create_video", {"upload_video", "publish_video", "start_playback"}),
        ("start_playback", {"beat_playback", "end_playback", "read_media"}),
        ("open_checkout", {"read_subscription"}),
        ("list_payments", {"refund_payment", "next_page"}),
        ("grant_access", {"withdraw_grant", "read_access"}),
        ("list_my_sessions", {"end_my_session", "next_page"}),
    ],
)
def test_what_one_would_do_next_is_linked(by_id: dict[str, Described], source: str, names: set[str]) -> None:
    assert names <= set(good(by_id[source])["links"])


def test_whoever_reads_after_writing_sees_it(by_id: dict[str, Described]) -> None:
    link = good(by_id["create_plan"])["links"]["list_plans"]

    assert link["parameters"] == {"Ledger-Position": "$response.header.Ledger-Position"}


def test_every_list_links_to_its_next_page(by_id: dict[str, Described]) -> None:
    lists = {name for name, one in by_id.items() if any(each["name"] == "cursor" for each in one["parameters"])}

    assert len(lists) > 10
    for name in lists:
        link = good(by_id[name])["links"]["next_page"]
        assert (link["operationId"], link["parameters"]["cursor"]) == (name, "$response.body#/next_cursor")


def test_the_next_page_is_of_the_same_list(by_id: dict[str, Described]) -> None:
    link = good(by_id["list_payments"])["links"]["next_page"]

    assert link["parameters"]["account"] == "$request.query.account"
    assert link["parameters"]["limit"] == "$request.query.limit"
    assert good(by_id["read_timeline"])["links"]["next_page"]["parameters"]["account_id"] == "$request.path.account_id"
