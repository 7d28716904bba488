"""What users of hvac do with mounts, policies and namespaces, against a development server with
version 1 of KV at secret/.

Run it as `python -I hvac_system.py`: the address and the root token come from STRONGROOM_ADDRESS and
STRONGROOM_TOKEN. It ends with 0 if all of it holds.
"""

import os

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, VaultDown

URL = os.environ["STRONGROOM_ADDRESS"]
ROOT_TOKEN = os.environ["STRONGROOM_TOKEN"]


def connect(token=ROOT_TOKEN, namespace=None):
    return hvac.Client(url=URL, token=token, namespace=namespace)


def refused(error, call, *args, **kwargs):
    """Requires that the call fails in this way, and gives the messages of the server."""
    try:
        answer = call(*args, **kwargs)
    except error as refusal:
        assert type(refusal) is error, repr(refusal)
        return refusal.errors
    raise AssertionError(f"not refused: {answer!r}")


def token_with(client, *policies, **kwargs):
    made = client.auth.token.create(policies=list(policies), **kwargs)
    return made["auth"]["client_token"]


def mounts(client):
    sys = client.sys
    before = sys.list_mounted_secrets_engines()["data"]
    assert {"cubbyhole/", "identity/", "secret/", "sys/"} == set(before), before
    made = sys.enable_secrets_engine(
        "kv",
        path="team/kv",
        description="secrets of a team",
        config={"default_lease_ttl": "90s", "max_lease_ttl": "1h"},
        options={"version": "1"},
    )
    assert made.status_code == 204, made
    listed = sys.list_mounted_secrets_engines()["data"]["team/kv/"]
    assert listed["type"] == "kv" and listed["options"] == {"version": "1"}, listed
    assert listed["config"]["default_lease_ttl"] == 90, listed
    assert refused(InvalidRequest, sys.enable_secrets_engine, "kv", path="team") == [
        "path is already in use at team/kv/"
    ]
    assert refused(InvalidRequest, sys.enable_secrets_engine, "no-such", path="x") == [
        "plugin not found in the catalog: no-such"
    ]

    kv = client.secrets.kv.v1
    kv.create_or_update_secret("app", {"user": "ann"}, mount_point="team/kv")
    assert kv.read_secret("app", mount_point="team/kv")["lease_duration"] == 90

    tuned = sys.tune_mount_configuration(
        "team/kv", default_lease_ttl="2m", description="tuned", listing_visibility="unauth"
    )
    assert tuned.status_code == 204, tuned
    tuned = sys.read_mount_configuration("team/kv")["data"]
    assert (tuned["default_lease_ttl"], tuned["max_lease_ttl"]) == (120, 3600), tuned
    assert tuned["description"] == "tuned", tuned
    assert kv.read_secret("app", mount_point="team/kv")["lease_duration"] == 120

    moved = sys.move_backend("team/kv", "moved")
    assert moved["data"]["migration_id"], moved
    assert kv.read_secret("app", mount_point="moved")["data"] == {"user": "ann"}
    refused(InvalidPath, kv.read_secret, "app", mount_point="team/kv")

    assert sys.disable_secrets_engine("moved").status_code == 204
    refused(InvalidPath, kv.read_secret, "app", mount_point="moved")
    sys.enable_secrets_engine("kv", path="moved")
    refused(InvalidPath, kv.read_secret, "app", mount_point="moved")
    sys.disable_secrets_engine("moved")
    assert sys.list_mounted_secrets_engines()["data"].keys() == before.keys()


def methods(client):
    sys = client.sys
    assert set(sys.list_auth_methods()["data"]) == {"token/"}
    sys.enable_auth_method("approle", path="machines", description="for machines")
    assert sys.list_auth_methods()["data"]["machines/"]["type"] == "approle"
    sys.tune_auth_method("machines", default_lease_ttl="20m", token_type="batch")
    tuned = sys.read_auth_method_tuning("machines")["data"]
    assert (tuned["default_lease_ttl"], tuned["token_type"]) == (1200, "batch"), tuned
    sys.disable_auth_method("machines")
    assert set(sys.list_auth_methods()["data"]) == {"token/"}
    refused(InvalidRequest, sys.disable_auth_method, "token")


READER = 'path "secret/app/*" {\n  capabilities = ["read", "list"]\n}\n'
DENIER = {"path": {"secret/app/private/*": {"capabilities": ["deny"]}}}


def policies(client):
    sys = client.sys
    kv = client.secrets.kv.v1
    kv.create_or_update_secret("app/open", {"n": 1}, mount_point="secret")
    kv.create_or_update_secret("app/private/x", {"n": 2}, mount_point="secret")
    assert sys.list_policies()["data"]["policies"] == ["default", "root"]
    assert sys.create_or_update_policy("reader", READER).status_code == 204
    assert sys.read_policy("reader")["data"]["rules"] == READER
    assert sys.create_or_update_acl_policy("denier", DENIER).status_code == 204
    assert sys.list_acl_policies()["data"]["keys"] == ["default", "denier", "reader", "root"]
    assert refused(InvalidRequest, sys.create_or_update_policy, "bad", 'path "a" {')
    assert refused(InvalidRequest, sys.delete_policy, "default") == ["cannot delete default policy"]

    reader = connect(token_with(client, "reader"))
    own = reader.secrets.kv.v1
    assert own.read_secret("app/open", mount_point="secret")["data"] == {"n": 1}
    assert own.list_secrets("app", mount_point="secret")["data"]["keys"] == ["open", "private/"]
    assert own.read_secret("app/private/x", mount_point="secret")["data"] == {"n": 2}
    refused(Forbidden, own.create_or_update_secret, "app/open", {"n": 3}, mount_point="secret")
    refused(Forbidden, own.read_secret, "other", mount_point="secret")
    refused(Forbidden, reader.sys.list_policies)
    assert reader.lookup_token()["data"]["policies"] == ["default", "reader"]

    asked = ["secret/app/open", "secret/other"]
    can = reader.sys.get_capabilities(paths=asked)["data"]
    assert can["secret/app/open"] == ["list", "read"] and can["secret/other"] == ["deny"], can
    can = client.sys.get_capabilities(paths=asked[:1], token=reader.token)["data"]
    assert can["capabilities"] == ["list", "read"], can
    accessor = reader.lookup_token()["data"]["accessor"]
    can = client.sys.get_capabilities(paths=asked[:1], accessor=accessor)["data"]
    assert can["capabilities"] == ["list", "read"], can

    # Both policies together; what is written holds at once, for tokens that are there.
    both = connect(token_with(client, "reader", "denier")).secrets.kv.v1
    refused(Forbidden, both.read_secret, "app/private/x", mount_point="secret")
    assert both.read_secret("app/open", mount_point="secret")["data"] == {"n": 1}
    sys.create_or_update_policy("reader", READER.replace("read", "update"))
    refused(Forbidden, own.read_secret, "app/open", mount_point="secret")
    # Without a method hvac reads the secret first.
    change = {"path": "app/open", "mount_point": "secret", "method": "PUT"}
    own.create_or_update_secret(secret={"n": 4}, **change)
    sys.delete_policy("reader")
    refused(Forbidden, own.create_or_update_secret, secret={"n": 5}, **change)
    sys.delete_policy("denier")

    # A child has no more than its parent.
    sys.create_or_update_policy("maker", 'path "auth/token/create" { capabilities = ["update"] }')
    maker = connect(token_with(client, "maker"))
    refused(InvalidRequest, maker.auth.token.create, policies=["reader"])
    child = maker.auth.token.create(policies=["maker"], ttl="5m")["auth"]
    assert child["policies"] == ["default", "maker"] and child["lease_duration"] == 300, child
    sys.delete_policy("maker")


def passwords(client):
    # hvac has no calls of its own for these.
    text = 'length = 12\nrule "charset" { charset = "ab" }'
    client.write_data("sys/policies/password/letters", data={"policy": text})
    made = client.read("sys/policies/password/letters/generate")["data"]["password"]
    assert len(made) == 12 and set(made) <= set("ab"), made


def namespaces(client):
    sys = client.sys
    refused(InvalidPath, sys.list_namespaces)
    sys.create_namespace("a")
    inner = connect(namespace="a")
    inner.sys.create_namespace("b")
    assert sys.list_namespaces()["data"]["keys"] == ["a/"]
    assert inner.sys.list_namespaces()["data"]["keys"] == ["b/"]
    deep = connect(namespace="a/b")
    deep.sys.enable_secrets_engine("kv", path="kv")
    deep.secrets.kv.v1.create_or_update_secret("x", {"n": 1}, mount_point="kv")
    # The path may name it as well.
    assert client.read("a/b/kv/x")["data"] == {"n": 1}
    assert inner.read("b/kv/x")["data"] == {"n": 1}
    refused(InvalidPath, client.secrets.kv.v1.read_secret, "x", mount_point="kv")
    refused(InvalidPath, connect(namespace="none").sys.list_auth_methods)

    inner.sys.create_or_update_policy("reach", 'path "b/kv/*" { capabilities = ["read"] }')
    token = token_with(inner, "reach")
    assert token.count(".") == 2, "it shows the id of its namespace"
    member = connect(token, namespace="a/b")
    assert member.secrets.kv.v1.read_secret("x", mount_point="kv")["data"] == {"n": 1}
    refused(Forbidden, connect(token).secrets.kv.v1.read_secret, "x", mount_point="secret")
    assert connect(token).lookup_token()["data"]["namespace_path"] == "a/"

    key = sys.lock_namespace if hasattr(sys, "lock_namespace") else None
    assert key is None, "hvac has calls to lock namespaces now: use them here"
    locked = client.write_data("sys/namespaces/api-lock/lock/a")["data"]["unlock_key"]
    refused(VaultDown, member.secrets.kv.v1.read_secret, "x", mount_point="kv")
    client.write_data("sys/namespaces/api-lock/unlock/a", data={"unlock_key": locked})
    assert member.secrets.kv.v1.read_secret("x", mount_point="kv")["data"] == {"n": 1}

    refused(InvalidRequest, sys.delete_namespace, "a")
    inner.sys.delete_namespace("b")
    sys.delete_namespace("a")
    refused(InvalidPath, member.lookup_token)
    refused(Forbidden, connect(token).lookup_token)
    refused(InvalidPath, sys.list_namespaces)


def wrapping(client):
    wrapped = client.sys.wrap({"secret": "value"}, ttl="60s")
    token = wrapped["wrap_info"]["token"]
    assert client.sys.unwrap(token)["data"] == {"secret": "value"}
    refused(InvalidRequest, client.sys.unwrap, token)
    made = client.auth.token.create(policies=["default"], wrap_ttl="60s")["wrap_info"]
    assert made["wrapped_accessor"], made
    opened = hvac.Client(url=URL).sys.unwrap(made["token"])["auth"]
    assert opened["accessor"] == made["wrapped_accessor"], opened


def main():
    client = connect()
    for part in (mounts, methods, policies, passwords, namespaces, wrapping):
        part(client)


main()
