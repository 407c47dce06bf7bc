"""What leaves the machine, and what must not."""

from pathlib import Path

import pytest

from mien.secrets import clean, clean_text

KEY = "0123456789abcdef0123456789abcdef01234567"  # of the shape of W&B's older keys


@pytest.mark.parametrize("name", ["token", "api_key", "password", "hub_token", "aws_secret_access_key", "Password"])
def test_the_value_of_a_secret_key_is_hidden(name):
    assert clean({"a": {name: "hunter2"}}) == {"a": {name: "***"}}


def test_what_is_no_secret_stays():
    config = {"monitor": "accuracy", "keys": ["a", "b"], "seed": 0, "lr": 0.1, "flip": True, "entity": None, "name": ""}
    assert clean(config) == config
    fingerprint = 64 * "a"
    assert clean({"fingerprint": fingerprint}) == {"fingerprint": fingerprint}


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("ray://me:pw@host:10001", "ray://***@host:10001"),
        ("https://abc@host/x", "https://***@host/x"),
        ("sqlite:///study.db", "sqlite:///study.db"),
        ("postgresql+psycopg2://u:p@h/db", "postgresql+psycopg2://***@h/db"),
        ("https://h/x?user=me&token=abc&n=1", "https://h/x?user=me&token=***&n=1"),
        ("a mail to me@host.org", "a mail to me@host.org"),
        (f"key {KEY}.", "key ***."),
        ("hf_" + 30 * "a", "***"),
        ("optimizer.lr=0.1 seed=1", "optimizer.lr=0.1 seed=1"),
    ],
)
def test_texts(text, cleaned):
    assert clean_text(text) == cleaned


def test_the_home_folder_is_not_told(monkeypatch):
    monkeypatch.setenv("HOME", "/home/jane")
    assert Path.home() == Path("/home/jane")
    assert clean_text("dataset.root=/home/jane/faces") == "dataset.root=~/faces"
    assert clean_text("/home/jane") == "~"
    assert clean_text("/home/janet/faces") == "/home/janet/faces"
