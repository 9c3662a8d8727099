"""`plumbmark-kaggle`: where it goes, as whom, and what it keeps from whom."""

from pathlib import Path

import pytest

from plumbmark.compat.kaggle.launcher import (
    LauncherError,
    ServerAddress,
    check_server,
    env_file_of,
    launch,
    prepare,
    quota_text,
    target_of,
)

TOKEN = "pmk_" + "a" * 46


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "client.toml"
    file.write_text(f'server = "https://one.example"\ntoken = "{TOKEN}"\n')
    file.chmod(0o600)
    return file


def environment(file: Path, **more: str) -> dict[str, str]:
    return {"PLUMBMARK_CONFIG": str(file), **more}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://host.example/", "https://host.example"),
        ("https://host.example/plumbmark/", "https://host.example/plumbmark"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.2:8000", "http://127.0.0.2:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_server_is_reached_by_tls_or_on_this_machine(given: str, kept: str) -> None:
    assert check_server(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "http://host.example",
        "http://10.0.0.1:8000",
        "http://localhost.example",
        "host.example",
        "ftp://host.example",
        "https://",
        "https://ada:secret@host.example",
        "https://host.example?x=1",
    ],
)
def test_other_addresses_are_refused(given: str) -> None:
    with pytest.raises(LauncherError):
        check_server(given)


def test_the_command_line_beats_the_environment_beats_the_file(file: Path) -> None:
    other = "pmk_" + "b" * 46
    by_variable = environment(file, PLUMBMARK_URL="https://two.example", PLUMBMARK_TOKEN=other)

    assert target_of(None, environment(file)) == ServerAddress("https://one.example", TOKEN)
    assert target_of(None, by_variable) == ServerAddress("https://two.example", other)
    assert target_of("https://three.example", by_variable) == ServerAddress(
        "https://three.example", other
    )


def test_the_files_token_goes_to_the_files_server_only(file: Path) -> None:
    with pytest.raises(LauncherError, match="belongs to the server named there") as refused:
        target_of("https://two.example", environment(file))

    assert TOKEN not in str(refused.value)


def test_a_file_that_others_can_read_is_refused(file: Path) -> None:
    file.chmod(0o644)

    with pytest.raises(LauncherError, match="chmod 600"):
        target_of(None, environment(file))


@pytest.mark.parametrize("text", ["token = pmk_oops", 'tokn = "x"', "server = 3", "\x00"])
def test_a_file_that_cannot_be_read_is_told(file: Path, text: str) -> None:
    file.write_text(text)

    with pytest.raises(LauncherError, match=r"client\.toml"):
        target_of(None, environment(file))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "No server"),
        ({"PLUMBMARK_URL": "https://host.example"}, "No token"),
        ({"PLUMBMARK_URL": "https://host.example", "PLUMBMARK_TOKEN": "KGAT_1"}, "not a token of"),
    ],
)
def test_what_is_missing_is_told(tmp_path: Path, given: dict[str, str], says: str) -> None:
    with pytest.raises(LauncherError, match=says):
        target_of(None, environment(tmp_path / "none.toml", **given))


def test_a_target_does_not_show_its_token() -> None:
    assert TOKEN not in repr(ServerAddress("https://host.example", TOKEN))


def test_other_identities_are_put_out_of_sight(tmp_path: Path) -> None:
    known = {
        "PLUMBMARK_CONFIG": str(tmp_path / "client.toml"),
        "KAGGLE_USERNAME": "somebody",
        "KAGGLE_KEY": "secret",
        "KAGGLE_API_TOKEN": "KGAT_1",
        "NO_PROXY": "corp.example",
    }

    prepare(ServerAddress("http://127.0.0.1:8000", TOKEN), known)

    assert "KAGGLE_USERNAME" not in known
    assert "KAGGLE_KEY" not in known
    assert known["KAGGLE_API_TOKEN"] == TOKEN
    assert known["KAGGLE_API_ENVIRONMENT"] == "LOCALHOST"
    assert list(Path(known["KAGGLE_CONFIG_DIR"]).iterdir()) == []
    # The token goes in plain text on this machine: no proxy may see it.
    assert known["NO_PROXY"] == "corp.example,127.0.0.1"


def test_the_way_to_another_machine_keeps_its_proxy(tmp_path: Path) -> None:
    known = {"PLUMBMARK_CONFIG": str(tmp_path / "client.toml")}

    prepare(ServerAddress("https://host.example", TOKEN), known)

    assert "NO_PROXY" not in known


def test_commands_that_are_not_served_never_leave_the_machine() -> None:
    with pytest.raises(LauncherError, match="'datasets' is not served"):
        launch(["--server", "https://host.example", "datasets", "list"])


def test_help_needs_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert launch(["--help"]) == 0
    assert "PLUMBMARK_URL" in capsys.readouterr().out


def test_the_env_file_is_found_where_init_writes_it() -> None:
    assert env_file_of(["b", "init", "-y"]) == Path(".env")
    assert env_file_of(["b", "init", "--env-file", "my.env", "-y"]) == Path("my.env")


def test_the_quota_is_a_table() -> None:
    day = {"refillPeriod": "DAILY", "quotaUsed": 1.25, "totalQuotaAllowed": 10, "refillTime": "x"}

    text = quota_text([day])

    assert text.splitlines()[1].split() == ["daily", "1.2500$", "10.0000$", "x"]
