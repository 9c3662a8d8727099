"""A browser and its system in plain words, from what it says of itself."""

import re

from django.utils.translation import gettext as _

MAX_USER_AGENT = 200
_MAX_SHOWN = 60

# Browsers name those that they want to be taken for, so the order matters.
_BROWSERS = (
    (r"\b(?:Edg|EdgA|EdgiOS)/", "Edge"),
    (r"\b(?:OPR|Opera|OPT)/", "Opera"),
    (r"\bSamsungBrowser/", "Samsung Internet"),
    (r"\bVivaldi/", "Vivaldi"),
    (r"\b(?:Firefox|FxiOS)/", "Firefox"),
    (r"\b(?:HeadlessChrome|Chrome|CriOS)/", "Chrome"),
    (r"\bChromium/", "Chromium"),
    (r"\bVersion/\S+ (?:Mobile/\S+ )?Safari/", "Safari"),
)
_SYSTEMS = (
    (r"\bWindows\b", "Windows"),
    (r"\bAndroid\b", "Android"),
    (r"\biPhone\b", "iPhone"),
    (r"\biPad\b", "iPad"),
    (r"\bMac OS X\b", "macOS"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"\bLinux\b", "Linux"),
)


def clean_user_agent(header: str) -> str:
    """Return the header as it can be stored and shown: printable, and not too long."""
    return "".join(one for one in header if one.isprintable())[:MAX_USER_AGENT].strip()


def describe_device(user_agent: str) -> str:
    """Return words such as “Firefox on Linux”; what is not known is shown as it is, cut short."""
    known = known_device(user_agent)
    if known:
        return known
    if not user_agent:
        return _("Unknown device")
    return user_agent if len(user_agent) <= _MAX_SHOWN else f"{user_agent[:_MAX_SHOWN]}…"


def known_device(user_agent: str) -> str:
    """Return words of ours alone, none where the browser is unknown."""
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for pattern, name in patterns if re.search(pattern, text)), "")
