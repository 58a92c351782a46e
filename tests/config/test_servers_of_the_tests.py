"""The tests run on a real PostgreSQL and a real broker."""

import pytest
from celery import current_app
from django.db import connection
from django.test import Client


@pytest.mark.django_db
def test_database_is_postgresql_with_row_locks() -> None:
    assert connection.vendor == "postgresql"
    assert connection.features.has_select_for_update_skip_locked
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        assert int(cursor.fetchone()[0]) >= 140000


def test_broker_keeps_messages() -> None:
    with current_app.connection_for_write() as broker:
        queue = broker.SimpleQueue("test-broker-keeps-messages")
        queue.put({"text": "你好"})
        message = queue.get(timeout=5)
        assert message.payload == {"text": "你好"}
        message.ack()
        queue.close()


@pytest.mark.django_db
def test_ready_when_both_answer(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "broker": "ok"}


def test_not_ready_without_broker(client: Client, db: None, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["broker"] == "unreachable"
    assert answer.json()["database"] == "ok"
    assert client.get("/healthz").status_code == 200
