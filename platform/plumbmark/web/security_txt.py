"""`/.well-known/security.txt`: where to report a vulnerability (RFC 9116)."""

from datetime import datetime, timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from plumbmark.common.clock import now

_VALID_FOR = timedelta(days=180)
"""The RFC recommends less than a year. Each answer counts anew, so it never goes stale."""


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Tell the contact that the operator has set; without one there is no such file."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    fields = [("Contact", contact) for contact in settings.SECURITY_CONTACT]
    fields.append(("Expires", _midnight(now() + _VALID_FOR).strftime("%Y-%m-%dT%H:%M:%SZ")))
    if settings.SECURE_SITE:
        # Web addresses in the file must begin with https.
        fields.append(("Canonical", f"{settings.SITE_URL}{reverse('security_txt')}"))
        fields.append(("Policy", f"{settings.SITE_URL}{reverse('help')}#security"))
    languages = ", ".join(code for code, _name in settings.LANGUAGES)
    fields.append(("Preferred-Languages", languages))
    text = "".join(f"{name}: {value}\n" for name, value in fields)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
