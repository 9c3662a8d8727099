"""`plumbmark-kaggle`: the unmodified `kaggle` command line against a server of this platform.

Everything happens in the memory of this one process: the address that `kagglesdk` uses for a local
server is replaced, the token goes into the environment, and any credentials of another site are
hidden, so that neither side's token reaches the other.
"""

import argparse
import importlib.util
import ipaddress
import os
import sys
import tomllib
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_USAGE = """plumbmark-kaggle [--server URL] b COMMAND ...

The benchmarks commands of the kaggle package against a Plumbmark server:
  b auth | init | quota
  b tasks push | run | list | status | log | download | publish | models
  b leaderboard OWNER/BOARD --show | --download

The server: --server, PLUMBMARK_URL, or `server` in the configuration file.
The token:  PLUMBMARK_TOKEN, or `token` in the configuration file.
The configuration file is {file}."""

_FORGOTTEN = (
    "KAGGLE_USERNAME",
    "KAGGLE_KEY",
    "KAGGLE_API_V1_TOKEN",
    "KAGGLE_KERNEL_RUN_TYPE",
    "KAGGLE_API_ENDPOINT",
)
"""Variables by which the package would find another identity."""
_SERVED = {"b", "benchmarks"}
_TIMEOUT_SECONDS = 30


class LauncherError(Exception):
    """The reason why the command cannot be run, and how to correct it."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """An address with its token. The token is not shown."""

    server: str
    token: str

    def __repr__(self) -> str:
        return f"Target({self.server!r})"


def configuration_file(environment: Mapping[str, str]) -> Path:
    if environment.get("PLUMBMARK_CONFIG"):
        return Path(environment["PLUMBMARK_CONFIG"]).expanduser()
    base = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "plumbmark" / "client.toml"


def read_configuration(file: Path) -> Mapping[str, str]:
    """Return `server` and `token` of the file; nothing if there is none."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # The parser's message names the line, never its content.
        raise LauncherError(f"{file} cannot be read: {error}") from None
    unknown = sorted(set(found) - {"server", "token"})
    if unknown or not all(isinstance(value, str) for value in found.values()):
        raise LauncherError(f'{file} may contain only server = "https://…" and token = "pmk_…".')
    if "token" in found and os.name == "posix" and file.stat().st_mode & 0o077:
        raise LauncherError(
            f"{file} contains a token and others can read it; run: chmod 600 {file}"
        )
    return found


def check_server(url: str) -> str:
    """Return an address without a path: https, or plain http to this very machine."""
    parts = urlsplit(url.strip().rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise LauncherError(f"{url!r} is not a server address; use one like https://host.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise LauncherError(
            "The server's address must not contain a user name, password, query or fragment."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise LauncherError(
            f"{url} is not encrypted, so anyone on the way could read the token. Use "
            "https; plain http is allowed to this machine only."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def target_of(server: str | None, environment: Mapping[str, str]) -> ServerAddress:
    """Find the server on the command line, in the environment and in the file, in this order."""
    file = configuration_file(environment)
    configuration = read_configuration(file)
    url = server or environment.get("PLUMBMARK_URL") or configuration.get("server")
    if not url:
        raise LauncherError(
            f"No server is given. Use --server URL, set PLUMBMARK_URL, or write it to {file}."
        )
    checked = check_server(url)
    token = environment.get("PLUMBMARK_TOKEN", "").strip()
    if not token and "token" in configuration:
        # The file's token belongs to the file's server.
        if "server" not in configuration or check_server(configuration["server"]) != checked:
            raise LauncherError(
                f"The token in {file} belongs to the server named there, not to {checked}. "
                "Set PLUMBMARK_TOKEN."
            )
        token = configuration["token"].strip()
    if not token:
        raise LauncherError(
            "No token is given. Create one in the server's settings and set PLUMBMARK_TOKEN."
        )
    if not token.startswith("pmk_"):
        raise LauncherError("PLUMBMARK_TOKEN is not a token of a Plumbmark server (pmk_…).")
    return ServerAddress(checked, token)


def ask(target: ServerAddress, service: str, method: str, message: Mapping[str, Any]) -> Any:
    """Call a procedure of the server."""
    import requests

    try:
        with requests.Session() as session:
            # Explicit, so that no .netrc entry takes its place.
            session.auth = lambda request: _with_token(request, target.token)
            answer = session.post(
                f"{target.server}/api/v1/{service}/{method}",
                json=message,
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
            body = answer.json()
    except requests.exceptions.JSONDecodeError:
        raise LauncherError(
            f"{target.server} does not answer as a Plumbmark server (status {answer.status_code})."
        ) from None
    except requests.exceptions.RequestException as error:
        raise LauncherError(f"{target.server} cannot be reached: {error}") from None
    if not answer.ok:
        text = body.get("message") if isinstance(body, dict) else None
        raise LauncherError(text or f"{target.server} answered with status {answer.status_code}.")
    return body


def _with_token(request: Any, token: str) -> Any:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def prepare(target: ServerAddress, environment: MutableMapping[str, str]) -> None:
    """Set what the package reads from its environment; call it before the package is imported."""
    for name in _FORGOTTEN:
        environment.pop(name, None)
    environment["KAGGLE_API_ENVIRONMENT"] = "LOCALHOST"
    environment["KAGGLE_API_TOKEN"] = target.token
    # A new folder: the usual one may contain another site's key, which the package would send.
    folder = configuration_file(environment).parent / "kaggle"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment["KAGGLE_CONFIG_DIR"] = str(folder)
    host = urlsplit(target.server).hostname or ""
    if is_loopback(host):
        # A proxy for the outside world must not see what stays on this machine.
        for name in ("NO_PROXY", "no_proxy"):
            environment[name] = ",".join(filter(None, [environment.get(name), host]))


def point_package(target: ServerAddress) -> None:
    """Put the server's address in the place of the local one, in memory."""
    from kagglesdk import kaggle_creds, kaggle_env

    kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.LOCAL] = target.server
    kaggle_creds.KaggleCredentials.DEFAULT_CREDENTIALS_FILE = os.devnull


def has_own_quota(target: ServerAddress) -> bool:
    """Return whether this version of the package has its own `b quota`."""
    enter(target, ["b", "quota"])
    from kaggle.cli import Help

    return "quota" in Help.benchmarks_choices


def quota_text(balances: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"{'Period':<10} {'Used':>14} {'Allowed':>14}  Renews"]
    for balance in balances:
        lines.append(
            f"{balance['refillPeriod'].lower():<10} {balance.get('quotaUsed', 0):>13.4f}$ "
            f"{balance.get('totalQuotaAllowed', 0):>13.4f}$  {balance.get('refillTime', '')}"
        )
    return "\n".join(lines)


def name_models(target: ServerAddress, env_file: Path) -> str:
    """Put models of this server into a `.env` that names those of another; what to tell."""
    import dotenv

    variables = dotenv.dotenv_values(env_file)
    if "MODEL_PROXY_URL" not in variables:
        return ""
    found: list[str] = []
    token = ""
    while True:
        message = {"pageToken": token} if token else {}
        answer = ask(target, "benchmarks.BenchmarksApiService", "ListBenchmarkModels", message)
        found += [model["version"]["modelProxySlug"] for model in answer.get("benchmarkModels", [])]
        token = answer.get("nextPageToken", "")
        if not token:
            break
    if not found:
        return "The server has no models that you can call yet."
    # Baselines answer without understanding anything: good for a try, not for a default.
    models = [slug for slug in found if not slug.startswith("baseline/")]
    first = (models or found)[0]
    values = {"LLM_DEFAULT": first, "LLM_DEFAULT_EVAL": first, "LLMS_AVAILABLE": ",".join(found)}
    for name, value in values.items():
        dotenv.set_key(env_file, name, value, quote_mode="never")
    return f"The server's own {len(found)} models were written to it; the default is {first}."


def enter(target: ServerAddress, arguments: Sequence[str]) -> None:
    """Check and set everything that is needed before the package is imported, which signs in at
    once.
    """
    prepare(target, os.environ)
    point_package(target)
    sys.argv = ["kaggle", *arguments]


def collect_notices() -> list[str]:
    """Return a list that receives the `notice` of each answer, which the package does not show."""
    from kagglesdk.kaggle_http_client import KaggleHttpClient

    notices: list[str] = []
    read_answer = KaggleHttpClient._prepare_response

    def read(client: Any, response_type: Any, response: Any) -> Any:
        message = read_answer(client, response_type, response)
        if "application/json" in response.headers.get("Content-Type", ""):
            body = response.json()
            notice = body.get("notice") if isinstance(body, dict) else None
            if isinstance(notice, str):
                notices.append(notice)
        return message

    KaggleHttpClient._prepare_response = read
    return notices


def run_package(target: ServerAddress, arguments: Sequence[str]) -> int:
    """Run the package's own command line; its exit status."""
    enter(target, arguments)
    notices = collect_notices()
    from kaggle import cli

    try:
        cli.main()
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
            return 1
        if end.code:
            return end.code
    for notice in dict.fromkeys(notices):
        print(notice)
    return 0


def launch(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="plumbmark-kaggle", add_help=False, allow_abbrev=False)
    parser.add_argument("--server")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    options, unknown = parser.parse_known_args(arguments)
    rest = [*unknown, *options.rest]
    if not rest or rest[0] in {"-h", "--help"}:
        print(_USAGE.format(file=configuration_file(os.environ)))
        return 0 if rest else 2
    if rest[0] not in _SERVED:
        raise LauncherError(
            f"{rest[0]!r} is not served by Plumbmark; the benchmarks commands are. See --help."
        )
    target = target_of(options.server, os.environ)
    if importlib.util.find_spec("kaggle") is None:
        raise LauncherError("The kaggle package is missing; run: pip install 'plumbmark[client]'")
    # Before the package is imported: where it finds its token refused, it would try other keys.
    known = ask(target, "security.OAuthService", "IntrospectToken", {"token": target.token})
    if not known.get("active"):
        raise LauncherError(
            f"{target.server} does not know this token: it is mistyped, expired or "
            f"revoked. Create one at {target.server}/settings/tokens/."
        )
    command = rest[1] if len(rest) > 1 else ""
    if command == "quota" and not has_own_quota(target):
        answer = ask(target, "models.ModelProxyApiService", "GetModelProxyQuotas", {})
        print(quota_text(answer["quotaBalances"]))
        return 0
    status = run_package(target, rest)
    if status == 0 and command == "init" and not {"-h", "--help"} & set(rest):
        print(name_models(target, env_file_of(rest)))
    return status


def env_file_of(arguments: Sequence[str]) -> Path:
    """Return the file that `b init` writes to."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--env-file", default=".env")
    return Path(parser.parse_known_args(arguments)[0].env_file)


def main() -> None:
    """Run the console script."""
    try:
        status = launch(sys.argv[1:])
    except LauncherError as error:
        print(error, file=sys.stderr)
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
