"""F173: what monitoring reads, and who may."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.server import Server


def read(server: Server) -> dict[str, float]:
    """By name and labels as the text has them."""
    answer = httpx.get(f"{server.url}/metrics").raise_for_status()
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        f"{sample.name}{sample.labels or ''}": sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_f173_metrics_tell_the_journal_the_projection_and_how_long_commands_took(server: Server) -> None:
    before = read(server)
    trader = server.trader(BTC="1")
    after = read(server)
    assert after["kontor_journal_sequence"] > before["kontor_journal_sequence"]
    assert after["kontor_command_seconds_count"] > before["kontor_command_seconds_count"]
    assert after["kontor_command_seconds_sum"] > before["kontor_command_seconds_sum"]
    assert after["kontor_command_seconds_bucket{'le': '+Inf'}"] == after["kontor_command_seconds_count"]
    assert after["kontor_part_ok{'part': 'engine'}"] == after["kontor_part_ok{'part': 'projector'}"] == 1
    trader.get("/account/ledger")  # waits for the read models
    quiet = read(server)
    assert quiet["kontor_projection_lag_events"] == quiet["kontor_commands_waiting"] == 0
    assert quiet["kontor_projected_sequence"] == quiet["kontor_journal_sequence"]
    assert quiet["process_resident_memory_bytes"] > 10_000_000
    assert quiet["kontor_custody_alarms"] == 0


def test_f173_metrics_are_for_callers_on_the_same_machine_and_only_read(server: Server) -> None:
    proxied = httpx.get(f"{server.url}/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    assert (proxied.status_code, proxied.json()["code"]) == (404, "not_found")
    posted = httpx.post(f"{server.url}/metrics")
    assert (posted.status_code, posted.json()["code"], posted.headers["allow"]) == (
        405,
        "method_not_allowed",
        "GET, HEAD",
    )
    assert httpx.head(f"{server.url}/metrics").status_code == 200
