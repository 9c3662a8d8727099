import re
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from plumbmark.web.csp import policy_text, with_csp

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@pytest.mark.parametrize("page", ["/help/", "/nothing/", "/accounts/login/", "/theme/"])
def test_every_answer_carries_the_headers(client: Client, page: str) -> None:
    answer = client.get(page)

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_a_view_may_replace_a_directive() -> None:
    @with_csp(img_src=("'self'", "https://x.example"))
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    answer = view(RequestFactory().get("/"))

    policy = answer.headers["Content-Security-Policy"]
    assert "img-src 'self' https://x.example;" in policy
    assert policy.replace(" https://x.example", " data:") == policy_text()


def test_no_template_has_an_inline_script_style_or_handler() -> None:
    bad = re.compile(r"\sstyle=|<style|<script(?![^>]*\bsrc=)|\son[a-z]+=|hx-on|javascript:")

    found = [
        f"{path.relative_to(TEMPLATES)}: {match.group()}"
        for path in TEMPLATES.rglob("*.html")
        for match in bad.finditer(path.read_text(encoding="utf-8"))
    ]

    assert found == []
