"""Fixtures that all tests share: a state directory of their own, people, a browser."""

import asyncio
import gc
import itertools
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from _pytest import runner

from tests import postgres, shared
from tests.fake_provider.process import FakeProvider
from tests.stack import migrated
from tests.themes import in_each_theme

CHROMIUM = os.environ.get("PLUMBMARK_CHROMIUM") or shutil.which("chromium") or ""
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
]
PASSWORD = "correct horse battery staple"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the environment before `django.setup`: no test may write into the checkout's own
    state.
    """
    from django.conf import settings

    state = Path(tempfile.mkdtemp(prefix="plumbmark-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(state, ignore_errors=True))
    _share(config)
    settings.STATE_DIR = state
    settings.STATIC_ROOT = state / "static"
    settings.STATIC_ROOT.mkdir()
    settings.MEDIA_ROOT = state / "files"
    settings.SPOOL_DIR = state / "spool"
    settings.CODE_RUNS_DIR = state / "code-runs"
    if settings.CELERY_BROKER_URL.startswith("filesystem:"):
        # Changed in place: Celery reads the very same dictionary.
        for name, folder in (("in", "messages"), ("out", "messages"), ("control", "control")):
            option = "control_folder" if name == "control" else f"data_folder_{name}"
            (state / "queue" / folder).mkdir(parents=True, exist_ok=True)
            settings.CELERY_BROKER_TRANSPORT_OPTIONS[option] = str(state / "queue" / folder)
    # Hashed names need `collectstatic`; `live_server` serves from the finders.
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    if _is_sqlite():
        # A file, not memory: live_server's threads get connections of their own, as in production.
        test_database = settings.DATABASES["default"].setdefault("TEST", {})
        test_database["NAME"] = str(state / "test.sqlite3")
        # It need not outlive the machine, so nothing waits for the disk.
        options = settings.DATABASES["default"]["OPTIONS"]
        options["init_command"] += ";PRAGMA synchronous=OFF"
    # The same examples on every machine, and no limit to the time that one takes on a busy one.
    hypothesis.settings.register_profile(
        "steady",
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("steady")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def _share(config: pytest.Config) -> None:
    """Share the folder of the controller among pytest-xdist's workers; it cleans up after all."""
    if _is_worker(config):
        shared.use_folder(Path(config.workerinput["shared_folder"]))  # type: ignore[attr-defined]
        return
    shared.folder()
    config.add_cleanup(postgres.stop_shared)
    if config.getoption("dist", "no") != "no":
        # While the workers collect. Else all of them wait for the first that needs a database.
        making = threading.Thread(target=migrated)
        making.start()
        config.add_cleanup(making.join)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["shared_folder"] = str(shared.folder())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return two workers per processor: tests wait for processes, servers and browsers for half of
    their time. With three, the processors are not busier, and each test takes more of them.
    """
    return 2 * len(os.sched_getaffinity(0))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Replace the default scheduler, which spreads the tests of a file over all workers."""
    if config.getoption("dist") != "load":
        return None
    from tests.scheduling import FileScheduling

    return FileScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep the garbage collector from looking, again and again, at what stays to the end anyway.

    What tests leave behind is little, so that it may wait ten times as long as in a server.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.set_threshold(100_000)
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report: Any = yield
    if _is_worker(collector.config) and isinstance(collector, pytest.Directory) and report.passed:
        from tests.scheduling import begin_elsewhere

        worker = collector.config.workerinput  # type: ignore[attr-defined]
        begin_elsewhere(report, int(worker["workerid"].removeprefix("gw")), worker["workercount"])
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _is_worker(config):
        from tests.scheduling import order_for_workers

        order_for_workers(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> object:
    """Run a test with memory of its own for the frames of its calls, as requests and jobs have."""
    from plumbmark.common.call_stack import call_on_long_stack

    return call_on_long_stack(runner.pytest_runtest_protocol, item, nextitem)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    """Turn a skip for something missing into a failure if PLUMBMARK_REQUIRE_ALL is set.

    Skips of cases that make no sense in a configuration begin with "not applicable" and stay.
    """
    report: Any = yield
    if report.skipped and os.environ.get("PLUMBMARK_REQUIRE_ALL"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if "not applicable" not in reason:
            report.outcome = "failed"
            report.longrepr = f"skipped although everything is required: {reason}"
    return report


def _is_sqlite() -> bool:
    from django.conf import settings

    return "sqlite3" in settings.DATABASES["default"]["ENGINE"]


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool) -> bool:
    return django_db_keepdb or _is_sqlite()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Asked for before the first test of a database, and Django is ready then.

    SQLite's test database is a copy of one that is migrated once for all workers.
    """
    from django.conf import settings

    from tests.emptying import empty_after_transactional_tests

    if _is_sqlite():
        shutil.copy(migrated(), settings.DATABASES["default"]["TEST"]["NAME"])
    empty_after_transactional_tests()


@pytest.fixture(autouse=True)
def _the_day_does_not_end_meanwhile(request: pytest.FixtureRequest) -> None:
    """Limits, prices and boards are of a UTC day: what begins just before its end waits for it."""
    left = 86_400 - time.time() % 86_400
    if left < (300 if request.node.get_closest_marker("slow") else 15):
        time.sleep(left + 1)


@pytest.fixture(scope="session", autouse=True)
def _counters_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Other test processes count requests of users with the same numbers."""
    from django.conf import settings

    settings.RATES_FILE = tmp_path_factory.mktemp("rates") / "rates"


@pytest.fixture(autouse=True)
def _nothing_is_remembered(request: pytest.FixtureRequest) -> Iterator[None]:
    """Forget what was kept. The cache table is no model, so the database fixtures do not empty it.
    Requests that were counted in memory would add up, the more the faster the machine is; and
    primary keys come again, so that a page of another test might be taken for one of this.
    """
    yield
    from django.core.cache import caches

    from leaderboards_app.home.readings import counters as reading_counters
    from plumbmark.rest.throttling import counters
    from plumbmark.web.page_cache import page_cache

    counters().clear()
    reading_counters().clear()
    page_cache.clear()
    if {"db", "transactional_db", "live_server"} & set(request.fixturenames):
        caches["default"].clear()


@pytest.fixture(scope="session")
def fake_provider_process() -> Iterator[FakeProvider]:
    """Return one for all tests of a worker."""
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def fake_provider(fake_provider_process: FakeProvider) -> FakeProvider:
    """Return the fake provider, without latency or faults and with nothing counted."""
    fake_provider_process.configure()
    return fake_provider_process


_numbers = itertools.count(1)


@pytest.fixture
def open_account(db: None) -> Callable[..., Any]:
    """`open_account(handle="ada", is_administrator=False, …)` → a confirmed user."""
    from plumbmark.accounts import actions

    def make(handle: str = "", **given: Any) -> Any:
        name = handle or f"person-{next(_numbers)}"
        values = {
            "email": f"{name}@example.org",
            "password": PASSWORD,
            "is_confirmed": True,
            **given,
        }
        return actions.open_account(handle=name, **values)

    return make


@pytest.fixture(scope="session")
def chromium() -> Iterator[tuple[Any, asyncio.AbstractEventLoop]]:
    """Return Chromium, started once for each worker, and Playwright's event loop."""
    if not CHROMIUM:
        pytest.skip("no Chromium found; set PLUMBMARK_CHROMIUM to its path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield chromium, loop
        asyncio._set_running_loop(loop)
        chromium.close()


@pytest.fixture(scope="module")
def browser(chromium: tuple[Any, asyncio.AbstractEventLoop]) -> Iterator[Any]:
    """Return Chromium, for a module of browser tests.

    Playwright's blocking interface keeps an event loop running in the main thread. Django's ORM
    refuses to work in a thread with a running loop, hence the variable; and `asyncio.run` of other
    tests would fail there, so that the loop is put aside when the module ends. Keep browser tests
    in modules of their own.
    """
    started, loop = chromium
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        asyncio._set_running_loop(loop)
        try:
            yield started
        finally:
            asyncio._set_running_loop(None)


class PageTrouble(AssertionError):
    """The browser complained: a script failed or the policy blocked something."""


@pytest.fixture
def new_page(browser: Any, live_server: Any, settings: Any) -> Iterator[Callable[..., Any]]:
    """`new_page(width=1280, javascript=True, bypass_csp=False)` → a page, in the light theme.

    Paths are relative to the live server. The test fails if a page logged an error, a failed script
    or a violation of the security policy (except the note that an answer was a 4xx).
    """
    # Links in mails lead there, whatever host a request names.
    settings.SITE_URL = live_server.url
    contexts: list[Any] = []
    troubles: list[str] = []

    def note(message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            troubles.append(message.text)

    def make(
        width: int = 1280,
        javascript: bool = True,
        bypass_csp: bool = False,
        color_scheme: str = "light",
        **options: Any,
    ) -> Any:
        context = browser.new_context(
            base_url=live_server.url,
            color_scheme=color_scheme,
            viewport={"width": width, "height": 900},
            java_script_enabled=javascript,
            bypass_csp=bypass_csp,
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.on("console", note)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    if troubles:
        raise PageTrouble("\n".join(troubles))


@pytest.fixture
def browser_page(new_page: Callable[..., Any]) -> Any:
    """Return a page that is ready for `axe` (which is injected, so the policy is bypassed)."""
    return new_page(bypass_csp=True)


# Writing down all that holds takes a third of the time.
_RUN_AXE = """async options => {
  const found = await axe.run(options);
  return {violations: found.violations, passes: found.passes.length};
}"""


@pytest.fixture
def axe() -> Callable[[Any], None]:
    """`axe(page)` fails with every WCAG 2.2 AA rule that the page breaks now, in either theme."""
    from axe_playwright_python.base import AXE_SCRIPT

    # Of rules that hold, one place each is enough: writing down all of them takes most of the time.
    options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, "resultTypes": ["violations"]}

    def check(page: Any) -> None:
        # A heading can be found before the style sheet is there.
        page.wait_for_load_state()
        page.evaluate(AXE_SCRIPT)
        for theme in in_each_theme(page):
            answer = page.evaluate(_RUN_AXE, options)
            assert answer["passes"], "axe ran no rule"
            found = [
                f"{violation['id']}: {violation['help']} at "
                f"{[node['target'] for node in violation['nodes']][:5]}"
                for violation in answer["violations"]
            ]
            assert not found, f"{page.url}, {theme}\n" + "\n".join(found)

    return check


@pytest.fixture
def text_of_definition() -> Callable[[Any], Any]:
    """`text_of_definition(page)` → the text of a task's editor, once it is in place of the area."""

    def find(page: Any) -> Any:
        page.locator("definition-editor[data-ready=codemirror]").wait_for()
        return page.get_by_label("Definition, as YAML or JSON")

    return find


@pytest.fixture
def sign_in(live_server: Any) -> Callable[[Any, Any], None]:
    """`sign_in(page, user)`: gives the page's browser a session without the form."""
    from django.conf import settings
    from django.test import Client

    def enter(page: Any, user: Any) -> None:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        page.context.add_cookies(
            [{"name": cookie.key, "value": cookie.value, "url": live_server.url}]
        )

    return enter
