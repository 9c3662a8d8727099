"""Third-party front-end files are the ones that the manifest names, unchanged."""

import hashlib
import json
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[1] / "static" / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))


def test_every_vendored_file_has_the_digest_of_the_manifest() -> None:
    for package in MANIFEST:
        for name, digest in package["files"].items():
            content = (VENDOR / package["folder"] / name).read_bytes()

            assert hashlib.sha256(content).hexdigest() == digest, name


def test_no_vendored_file_is_missing_from_the_manifest() -> None:
    named = {VENDOR / package["folder"] / name for package in MANIFEST for name in package["files"]}

    found = {path for path in VENDOR.rglob("*") if path.is_file()} - {VENDOR / "manifest.json"}

    assert found == named


def test_every_vendored_package_names_version_licence_and_source() -> None:
    for package in MANIFEST:
        assert package["version"] in package["folder"]
        assert package["licence"]
        assert package["version"] in package["source"]
        assert "LICENSE" in package["files"]
