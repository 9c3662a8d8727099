"""The address under which programs find the gateway."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from plumbmark.accounts.tokens import issue_token
from tests.gateway import rows

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("variables", "port", "url"),
    [
        ({}, 8001, "http://127.0.0.1:8001"),
        ({"SITE_URL": "http://host:9000"}, 9001, "http://host:9001"),
        ({"SITE_URL": "http://[::1]:9000"}, 9001, "http://[::1]:9001"),
        ({"SITE_URL": "https://bench.example.org"}, 8001, "https://bench.example.org"),
        ({"GATEWAY_URL": "https://models.example.org/"}, 8001, "https://models.example.org"),
        ({"GATEWAY_PORT": "7000"}, 7000, "http://127.0.0.1:7000"),
    ],
)
def test_the_address_follows_from_the_sites(
    tmp_path: Path, variables: dict[str, str], port: int, url: str
) -> None:
    code = (
        "import json; from plumbmark.config import settings as s;"
        "print(json.dumps([s.GATEWAY_PORT, s.GATEWAY_URL]))"
    )
    environment = {
        "PYTHONPATH": f"{_ROOT / 'platform'}:{_ROOT}",
        "PLUMBMARK_STATE_DIR": str(tmp_path),
        **{f"PLUMBMARK_{name}": value for name, value in variables.items()},
    }

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True, text=True
    )

    assert json.loads(done.stdout) == [port, url]


@pytest.mark.django_db
def test_pages_and_api_tell_it(client: Client, settings: Any) -> None:
    settings.GATEWAY_URL = "https://models.example.org"
    user = rows.namespace().user
    assert user is not None
    token = issue_token(user=user, name="t", scopes=["read"], expires_at=None).secret

    told = client.get("/api/v1/me", headers={"authorization": f"Bearer {token}"}).json()
    client.force_login(user)
    page = client.get("/settings/tokens/").content.decode()

    assert told["gateway_url"] == "https://models.example.org"
    assert "https://models.example.org/v1" in page
