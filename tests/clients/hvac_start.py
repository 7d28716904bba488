"""What hvac does for its own tests: it starts a server with a configuration, and opens it.

A second server keeps its data on disk and speaks TLS, and is killed and started again.

Run it as `python -I hvac_start.py`. The server is STRONGROOM_BINARY, on the adapter STRONGROOM_ADAPTER;
it is ended here. STRONGROOM_TLS is a folder with server.crt, server.key and authority.crt. The script
ends with 0 if all of it holds.
"""

import json
import os
import socket
import subprocess
import time

import hvac
import requests

BINARY = os.environ["STRONGROOM_BINARY"]
ADAPTER = os.environ["STRONGROOM_ADAPTER"]
HOME = os.environ["HOME"]
TLS = os.environ["STRONGROOM_TLS"]
AUTHORITY = os.path.join(TLS, "authority.crt")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def version():
    """hvac takes the second word."""
    output = subprocess.run([BINARY, "version"], capture_output=True, check=True, text=True)
    return output.stdout.split()[1].lstrip("v")


def connect(url, token=None):
    return hvac.Client(url=url, token=token, verify=AUTHORITY)


def start(url, storage):
    scheme, address = url.split("://")
    # The header is sent by hvac with every request, so a listener may ask for it.
    listener = {
        "address": address,
        "tls_disable": scheme == "http",
        "tls_cert_file": os.path.join(TLS, "server.crt"),
        "tls_key_file": os.path.join(TLS, "server.key"),
        "require_request_header": True,
        "disable_unauthed_generate_root_endpoints": False,
        "disable_unauthed_rekey_endpoints": False,
    }
    config = {
        "backend": storage,
        "listener": {"tcp": listener},
        "disable_mlock": True,
        "default_lease_ttl": "768h",
        "max_lease_ttl": "768h",
        "api_addr": url,
    }
    path = os.path.join(HOME, "vault.json")
    with open(path, "w") as file:
        json.dump(config, file)
    command = [BINARY, "server", f"-adapter={ADAPTER}", f"-config={path}"]
    # Nobody reads these pipes.
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait(process, url):
    headers = {"X-Vault-Request": "true"}
    for _ in range(600):
        assert process.poll() is None, process.stderr.read()
        try:
            answer = requests.get(f"{url}/v1/sys/init", headers=headers, verify=AUTHORITY)
            assert answer.status_code == 200, answer.text
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("it does not answer")


def open_and_use(url):
    client = connect(url)
    assert not client.sys.is_initialized()
    made = client.sys.initialize(secret_shares=1, secret_threshold=1)
    assert client.sys.is_initialized() and client.sys.is_sealed()
    client.token = made["root_token"]

    client.sys.submit_unseal_keys(made["keys"])
    assert not client.sys.is_sealed() and client.is_authenticated()
    # One key more changes nothing.
    status = client.sys.submit_unseal_key(made["keys"][0])
    assert status["sealed"] is False and status["storage_type"] == "inmem", status

    kv = client.secrets.kv.v1
    kv.create_or_update_secret("app", {"user": "ann"}, mount_point="secret")
    client.sys.seal()
    assert client.sys.is_sealed()
    client.sys.submit_unseal_key(made["keys_base64"][0])
    assert kv.read_secret("app", mount_point="secret")["data"] == {"user": "ann"}
    [key] = take_new_shares(client, made["keys"])
    make_root_token(client, key)


def take_new_shares(client, keys):
    """First by one old share and at once, then by two of three and with a verification."""
    begun = client.sys.start_rekey(secret_shares=3, secret_threshold=2)
    assert begun["started"] and begun["required"] == 1, begun
    made = client.sys.rekey_multi(keys, nonce=begun["nonce"])
    assert made["complete"] and len(made["keys"]) == 3, made
    assert not client.sys.read_rekey_progress()["started"]

    begun = client.sys.start_rekey(secret_shares=1, secret_threshold=1, require_verification=True)
    again = client.sys.rekey_multi(made["keys"], nonce=begun["nonce"])
    assert again["verification_required"], again
    done = client.sys.rekey_verify_multi(again["keys"], nonce=again["verification_nonce"])
    assert done["complete"], done
    client.sys.seal()
    assert client.sys.submit_unseal_key(again["keys"][0])["sealed"] is False

    client.sys.start_rekey(secret_shares=1, secret_threshold=1)
    client.sys.cancel_rekey()
    assert not client.sys.read_rekey_progress()["started"]
    return again["keys"]


def make_root_token(client, key):
    begun = client.sys.start_root_token_generation()
    client.sys.cancel_root_generation()
    begun = client.sys.start_root_token_generation()
    assert client.sys.read_root_generation_progress()["started"]
    made = client.sys.generate_root(key=key, nonce=begun["nonce"])
    assert made["complete"], made
    body = {"encoded_token": made["encoded_root_token"], "otp": begun["otp"]}
    decoded = client.adapter.post("/v1/sys/decode-token", json=body)
    client.token = decoded["data"]["token"]
    assert client.lookup_token()["data"]["policies"] == ["root"]


def keep(url):
    """Initialises with several shares and writes; gives what the next process needs."""
    client = connect(url)
    made = client.sys.initialize(secret_shares=5, secret_threshold=3)
    client.token = made["root_token"]
    assert client.sys.submit_unseal_keys(made["keys"][:2])["progress"] == 2
    assert client.sys.submit_unseal_key(made["keys"][2])["sealed"] is False
    kv = client.secrets.kv.v1
    for name in ("kept", "deleted"):
        kv.create_or_update_secret(name, {"name": name}, mount_point="secret")
        assert kv.read_secret(name, mount_point="secret")["data"] == {"name": name}
    assert kv.list_secrets("", mount_point="secret")["data"]["keys"] == ["deleted", "kept"]
    kv.delete_secret("deleted", mount_point="secret")
    living, dead = (client.auth.token.create()["auth"]["client_token"] for _ in range(2))
    client.auth.token.revoke(dead)
    return made, living, dead


def find(url, made, living, dead):
    client = connect(url, made["root_token"])
    assert client.sys.is_initialized() and client.sys.is_sealed()
    status = client.sys.read_seal_status()
    assert (status["t"], status["n"], status["progress"]) == (3, 5, 0), status
    assert client.sys.submit_unseal_keys(made["keys_base64"][2:])["storage_type"] == "file"
    assert not client.sys.is_sealed()
    kv = client.secrets.kv.v1
    assert kv.read_secret("kept", mount_point="secret")["data"] == {"name": "kept"}
    assert kv.list_secrets("", mount_point="secret")["data"]["keys"] == ["kept"]
    assert connect(url, living).is_authenticated()
    assert not connect(url, dead).is_authenticated()


def serve(scheme, storage, use, end=subprocess.Popen.kill):
    """Starts a server, lets it be used, and ends it; if not told how, by the signal that cannot be
    caught."""
    url = f"{scheme}://127.0.0.1:{free_port()}"
    server = start(url, storage)
    try:
        wait(server, url)
        answer = use(url)
        end(server)
        server.wait(timeout=10)
        return answer
    finally:
        server.kill()


if __name__ == "__main__":
    assert version().split(".")[0].isdigit(), version()
    serve("http", {"inmem": {}}, open_and_use, subprocess.Popen.terminate)
    on_disk = {"file": {"path": os.path.join(HOME, "data")}}
    known = serve("https", on_disk, keep)
    serve("https", on_disk, lambda url: find(url, *known))
