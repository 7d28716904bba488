"""What users of hvac do, against a development server with version 1 of KV at secret/.

Run it as `python -I hvac.py`: without -I it would import itself. The address and the root token
come from STRONGROOM_ADDRESS and STRONGROOM_TOKEN. It ends with 0 if all of it holds.
"""

import os

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

URL = os.environ["STRONGROOM_ADDRESS"]
ROOT_TOKEN = os.environ["STRONGROOM_TOKEN"]


def connect(token):
    return hvac.Client(url=URL, token=token)


def refused(error, call, *args, **kwargs):
    """Requires that the call fails in this way, and gives the messages of the server."""
    try:
        answer = call(*args, **kwargs)
    except error as refusal:
        assert type(refusal) is error, repr(refusal)
        return refusal.errors
    raise AssertionError(f"not refused: {answer!r}")


def system(client):
    assert client.is_authenticated()
    assert not connect("wrong").is_authenticated()
    assert not hvac.Client(url=URL, token="").is_authenticated()

    assert client.sys.is_initialized()
    assert not client.sys.is_sealed()
    status = client.sys.read_seal_status()
    assert (status["type"], status["initialized"], status["sealed"]) == ("shamir", True, False)
    assert (status["t"], status["n"], status["progress"]) == (1, 1, 0)
    # hvac asks with HEAD by default, whose answer has no body.
    assert client.sys.read_health_status().status_code == 200
    health = client.sys.read_health_status(method="GET")
    assert health["initialized"] is True and health["sealed"] is False, health


def keyring(client):
    before = client.sys.get_encryption_key_status()
    assert before["term"] == before["data"]["term"] and before["encryptions"] > 0, before
    write(client.secrets.kv.v1, "before", {"a": "b"})
    assert client.sys.rotate_encryption_key().status_code == 204
    after = client.sys.get_encryption_key_status()
    assert after["term"] == before["term"] + 1, (before, after)
    assert after["install_time"] > before["install_time"], (before, after)
    assert read(client.secrets.kv.v1, "before") == {"a": "b"}
    client.secrets.kv.v1.delete_secret("before", mount_point="secret")


def read(kv, path):
    return kv.read_secret(path, mount_point="secret")["data"]


def write(kv, path, secret):
    answer = kv.create_or_update_secret(path, secret, mount_point="secret")
    assert answer.status_code == 204, answer


def names(kv, path):
    return kv.list_secrets(path, mount_point="secret")["data"]["keys"]


def secrets(client):
    kv = client.secrets.kv.v1
    write(kv, "app", {"user": "ann", "password": "first"})
    assert read(kv, "app") == {"user": "ann", "password": "first"}
    # A write replaces the whole secret.
    write(kv, "app", {"password": "second"})
    assert read(kv, "app") == {"password": "second"}
    whole = kv.read_secret("app", mount_point="secret")
    assert whole["lease_id"] == "" and whole["renewable"] is False
    assert whole["lease_duration"] == 2764800, whole

    assert refused(InvalidPath, kv.read_secret, "none", mount_point="secret") == []
    assert refused(InvalidPath, kv.list_secrets, "none", mount_point="secret") == []
    empty = refused(InvalidRequest, kv.create_or_update_secret, "empty", {}, mount_point="secret")
    assert empty == ["missing data fields"], empty
    assert refused(InvalidPath, kv.read_secret, "empty", mount_point="secret") == []

    stranger = connect("wrong").secrets.kv.v1
    for call in (stranger.read_secret, stranger.list_secrets, stranger.delete_secret):
        messages = refused(Forbidden, call, "app", mount_point="secret")
        assert any("permission denied" in message for message in messages), messages
    refused(Forbidden, stranger.create_or_update_secret, "app", {"a": "b"}, mount_point="secret")
    assert read(kv, "app") == {"password": "second"}

    for _ in range(2):
        # Nothing to delete is no error.
        assert kv.delete_secret("app", mount_point="secret").status_code == 204
    refused(InvalidPath, kv.read_secret, "app", mount_point="secret")


def folders(client):
    kv = client.secrets.kv.v1
    for path in ("team/b", "team/a", "team/a/deep/er", "team/Z", "other"):
        write(kv, path, {"path": path})
    assert names(kv, "team") == ["Z", "a", "a/", "b"]
    assert names(kv, "team/") == ["Z", "a", "a/", "b"]
    assert names(kv, "team/a") == ["deep/"]
    assert names(kv, "team/a/deep") == ["er"]
    assert names(kv, "") == ["other", "team/"]
    # A secret and a folder of one name are two things.
    kv.delete_secret("team/a", mount_point="secret")
    assert names(kv, "team") == ["Z", "a/", "b"]
    assert read(kv, "team/a/deep/er") == {"path": "team/a/deep/er"}
    # A folder goes with the last that is in it.
    kv.delete_secret("team/a/deep/er", mount_point="secret")
    assert names(kv, "team") == ["Z", "b"]
    for path in ("team/b", "team/Z", "other"):
        kv.delete_secret(path, mount_point="secret")
    refused(InvalidPath, kv.list_secrets, "", mount_point="secret")


def odd_names(client):
    kv = client.secrets.kv.v1
    paths = ["odd/two words", "odd/naïve", "odd/鍵", "odd/🔑", "odd/a+b", "odd/a%2Fb", "odd/q=1&r",
             "odd/dot.ted", "odd/mañana/déjà vu"]
    for path in paths:
        write(kv, path, {"path": path})
    for path in paths:
        assert read(kv, path) == {"path": path}, path
    ends = {path.removeprefix("odd/") for path in paths if path.count("/") == 1}
    assert set(names(kv, "odd")) == ends | {"mañana/"}, names(kv, "odd")
    assert names(kv, "odd/mañana") == ["déjà vu"]
    for path in paths:
        kv.delete_secret(path, mount_point="secret")
        refused(InvalidPath, kv.read_secret, path, mount_point="secret")


def values(client):
    kv = client.secrets.kv.v1
    secret = {
        "string": "text", "empty": "", "unicode": "žluťoučký 🔑", "escapes": "\"\\/\b\f\n\r\t\u0001",
        "html": "<a href='x'>&</a>\u2028", "zero": 0, "negative": -1, "large": 2**60 + 1,
        "float": 1.5, "tiny": 5e-324, "true": True, "false": False, "null": None,
        "list": [1, "two", None, [True, {}], []], "object": {"a": {"b": [{"c": "d"}]}},
        "": "empty name", "ключ": "name in another script",
    }
    write(kv, "values", secret)
    back = read(kv, "values")
    assert back == secret, back
    # 1 == True == 1.0 for Python: the types must be the same too.
    assert {k: type(v) for k, v in back.items()} == {k: type(v) for k, v in secret.items()}
    write(kv, "values", {"long": "x" * 500_000})
    assert read(kv, "values") == {"long": "x" * 500_000}
    kv.delete_secret("values", mount_point="secret")


def tokens(client):
    own = client.auth.token.lookup_self()["data"]
    assert own["id"] == ROOT_TOKEN and own["policies"] == ["root"] and own["ttl"] == 0, own

    made = client.auth.token.create(ttl="1h", display_name="by hvac", meta={"team": "blue"})["auth"]
    child = connect(made["client_token"])
    assert child.is_authenticated()
    assert made["policies"] == ["root"] and made["lease_duration"] == 3600, made
    seen = client.auth.token.lookup(made["client_token"])["data"]
    assert seen["accessor"] == made["accessor"] and seen["meta"] == {"team": "blue"}, seen
    assert 3500 < seen["ttl"] <= 3600 and seen["display_name"] == "token-by-hvac", seen
    assert child.auth.token.lookup_self()["data"]["id"] == made["client_token"]
    child.secrets.kv.v1.create_or_update_secret("by-child", {"a": "b"}, mount_point="secret")
    assert read(client.secrets.kv.v1, "by-child") == {"a": "b"}
    client.secrets.kv.v1.delete_secret("by-child", mount_point="secret")

    # A revoked token takes its children along.
    grandchild = connect(child.auth.token.create(ttl="30m")["auth"]["client_token"])
    assert grandchild.is_authenticated()
    assert client.auth.token.revoke(made["client_token"]).status_code == 204
    for dead in (child, grandchild):
        assert not dead.is_authenticated()
        refused(Forbidden, dead.auth.token.lookup_self)

    other = connect(client.auth.token.create()["auth"]["client_token"])
    assert other.auth.token.revoke_self().status_code == 204
    assert not other.is_authenticated()
    refused(Forbidden, client.auth.token.lookup, other.token)
    assert client.is_authenticated()


if __name__ == "__main__":
    root = connect(ROOT_TOKEN)
    for part in (system, keyring, secrets, folders, odd_names, values, tokens):
        part(root)
