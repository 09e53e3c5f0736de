"""The scripted Messages API that the end-to-end tests stand on, asked without any CLI."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.messages_api import Drop, Fail, Hang, MessagesApi, Request, Say, Usage, Use, usage_limit


@pytest.fixture
def api() -> Iterator[MessagesApi]:
    with MessagesApi() as api:
        yield api


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def asked(
    api: MessagesApi, *messages: dict[str, Any], stream: bool = False, path: str = "/v1/messages?beta=true"
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of the answer."""
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=10)
    try:
        body = {"model": "some-model", "stream": stream, "messages": messages}
        connection.request("POST", path, json.dumps(body))
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode("utf-8")
    finally:
        connection.close()


def said(api: MessagesApi, *messages: dict[str, Any]) -> str:
    """The text of the answer."""
    content = json.loads(asked(api, *messages)[2])["content"]
    return "".join(str(block["text"]) for block in content if block["type"] == "text")


def test_the_turns_of_a_script_follow_the_turns_of_the_conversation(api: MessagesApi) -> None:
    api.on(Use("Bash", {"command": "ls"}), Say("there is one file"))
    first = json.loads(asked(api, user("look"))[2])
    result = {"type": "tool_result", "tool_use_id": first["content"][0]["id"], "content": "a.txt"}
    history = [user("look"), {"role": "assistant", "content": first["content"]}]
    assert said(api, *history, {"role": "user", "content": [result]}) == "there is one file"
    assert api.requests[1].results == ("a.txt",)


def test_past_its_last_turn_a_script_says_done(api: MessagesApi) -> None:
    api.on(Say("first"))
    assert said(api, user("x"), {"role": "assistant", "content": "first"}) == "done"


def test_a_new_prompt_begins_the_script_anew(api: MessagesApi) -> None:
    api.on(Say("first"))
    assert said(api, user("x"), {"role": "assistant", "content": "first"}, user("y")) == "first"
    assert api.requests[0].prompts == ("x", "y")


def test_a_prompt_that_shares_its_message_with_tool_results_is_a_prompt(api: MessagesApi) -> None:
    api.on(Say("on it"), when="Go on")
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}
    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {}}
    shared = {"role": "user", "content": [result, {"type": "text", "text": "Go on."}]}
    assert said(api, user("x"), {"role": "assistant", "content": [call]}, shared) == "on it"


def test_what_the_cli_adds_for_the_model_is_no_prompt(api: MessagesApi) -> None:
    api.on(Say("ok"))
    asked(api, user("<system-reminder>\nnot typed\n</system-reminder>"), user("typed"))
    assert api.requests[0].prompts == ("typed",)


def test_the_latest_rule_that_fits_decides(api: MessagesApi) -> None:
    api.on(Say("anyone"))
    api.on(Say("the worker"), when="worker")
    api.rule(lambda request: Say("by function") if request.model == "other" else None)
    assert [said(api, user("I am the worker")), said(api, user("hello"))] == ["the worker", "anyone"]


def test_queued_turns_come_first_and_once(api: MessagesApi) -> None:
    api.on(Say("fine"))
    api.next(Fail(529), Fail(500), when="x")
    assert [asked(api, user(text))[0] for text in ("y", "x", "x", "x")] == [200, 529, 500, 200]


def test_a_request_without_a_turn_is_refused_and_kept(api: MessagesApi) -> None:
    assert asked(api, user("x"))[0] == 400
    assert [request.prompt for request in api.unscripted] == ["x"]


def test_a_rule_that_raises_is_refused_and_kept(api: MessagesApi) -> None:
    def broken(request: Request) -> None:
        raise KeyError(request.prompt)

    api.rule(broken)
    assert asked(api, user("x"))[0] == 400
    assert api.mistakes == ["KeyError('x')"]


def test_a_stream_has_the_events_of_the_service_in_their_order(api: MessagesApi) -> None:
    api.on(Use("Write", {"content": "é"}, say="I write.", usage=Usage(input=7, output=3)))
    status, headers, body = asked(api, user("x"), stream=True)
    events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: ")]
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    kinds = ["message_start", *block, *block, "message_delta", "message_stop"]
    assert [event["type"] for event in events] == kinds
    assert json.loads(events[5]["delta"]["partial_json"]) == {"content": "é"}
    assert events[-2]["usage"] == {"output_tokens": 3}
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_failure_has_the_error_object_of_the_service(api: MessagesApi) -> None:
    api.on(Fail(529, "Overloaded"))
    status, _, body = asked(api, user("x"), stream=True)
    error = {"type": "overloaded_error", "message": "Overloaded"}
    assert (status, json.loads(body)) == (529, {"type": "error", "error": error})


def test_a_usage_limit_names_its_end_in_the_headers(api: MessagesApi) -> None:
    api.on(usage_limit(1795568400))
    status, headers, _ = asked(api, user("x"))
    assert status == 429
    assert headers["anthropic-ratelimit-unified-status"] == "rejected"
    assert headers["anthropic-ratelimit-unified-reset"] == "1795568400"


@pytest.mark.parametrize("turn", [Drop(), Drop("half an answ")])
def test_a_dropped_answer_never_ends_well(api: MessagesApi, turn: Drop) -> None:
    api.on(turn)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        asked(api, user("x"), stream=True)


def test_a_hanging_answer_comes_when_it_is_let_go(api: MessagesApi) -> None:
    until = threading.Event()
    api.on(Hang(until=until, then=Say("at last")))
    answers: list[str] = []
    client = threading.Thread(target=lambda: answers.append(said(api, user("x"))))
    client.start()
    api.wait_for(1)
    assert answers == []
    until.set()
    client.join(timeout=10)
    assert answers == ["at last"]


def test_closing_the_server_ends_an_answer_that_hangs() -> None:
    ended: list[type[BaseException]] = []

    def ask() -> None:
        try:
            asked(server, user("x"), stream=True)
        except (http.client.HTTPException, ConnectionError) as error:
            ended.append(type(error))

    with MessagesApi() as server:
        server.on(Hang("it begins"))
        client = threading.Thread(target=ask)
        client.start()
        server.wait_for(1)
    client.join(timeout=10)
    assert len(ended) == 1


def test_a_wait_for_requests_that_do_not_come_says_how_many_did(api: MessagesApi) -> None:
    api.on(Say("ok"))
    asked(api, user("x"))
    with pytest.raises(AssertionError, match="1 of 2 requests"):
        api.wait_for(2, timeout_s=0.01)


def test_other_paths_are_answered_and_kept_apart(api: MessagesApi) -> None:
    status, _, body = asked(api, user("x"), path="/v1/messages/count_tokens?beta=true")
    assert (status, list(json.loads(body))) == (200, ["input_tokens"])
    assert ([request.path for request in api.strays], api.requests) == (
        ["/v1/messages/count_tokens?beta=true"],
        (),
    )
