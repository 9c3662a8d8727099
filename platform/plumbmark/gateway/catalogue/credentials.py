"""Keys to providers: encrypted at rest, decrypted only on their way into a request.

AES-256-GCM; the key is derived from `settings.CREDENTIALS_KEY` by HKDF, and the credential's own
public id is bound in, so that a ciphertext cannot be moved to another row.
"""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from plumbmark.common.errors import DomainError
from plumbmark.gateway.models import Credential

_VERSION = b"\x01"
_NONCE_BYTES = 12
_HINT_CHARACTERS = 4
_FINGERPRINT_DIGITS = 12
_SHORTEST_WITH_HINT = 16


class CredentialUnreadable(DomainError):
    """A stored secret or an environment variable that cannot be read."""

    status = 409
    code = "credential-unreadable"


def _cipher() -> AESGCM:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"plumbmark credentials 1")
    return AESGCM(derivation.derive(settings.CREDENTIALS_KEY.encode()))


def put_secret(credential: Credential, secret: str) -> None:
    """Encrypt a secret into an unsaved or saved credential; the caller saves the row."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher().encrypt(nonce, secret.encode(), credential.public_id.encode())
    credential.encrypted_secret = _VERSION + nonce + sealed
    credential.environment_variable = ""
    # The end of a short secret would be too much of it.
    is_long = len(secret) >= _SHORTEST_WITH_HINT
    credential.hint = secret[-_HINT_CHARACTERS:] if is_long else ""
    credential.fingerprint = fingerprint_of(secret) if is_long else ""


def fingerprint_of(secret: str) -> str:
    """Return what a key is recognised by: the first 12 digits of its SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()[:_FINGERPRINT_DIGITS]


def erase_secret(credential: Credential) -> None:
    """Forget the secret; the caller saves the row."""
    credential.encrypted_secret = None
    credential.environment_variable = ""
    credential.hint = credential.fingerprint = ""


def is_secret(text: str) -> bool:
    """Return whether an HTTP header can carry this as a key."""
    return text.isascii() and text.isprintable() and " " not in text


def secret_of(credential: Credential) -> str:
    """Return the secret itself. Never log it, render it or put it into an error."""
    if credential.environment_variable:
        secret = os.environ.get(credential.environment_variable, "").strip()
        if not secret:
            raise CredentialUnreadable(
                f"The environment variable {credential.environment_variable} of the credential "
                f"“{credential.name}” is not set in this process."
            )
        return _check_secret(credential, secret)
    sealed = bytes(credential.encrypted_secret or b"")
    if not sealed:
        raise CredentialUnreadable(f"The credential “{credential.name}” has no secret.")
    body = sealed[1:]
    try:
        plain = _cipher().decrypt(
            body[:_NONCE_BYTES], body[_NONCE_BYTES:], credential.public_id.encode()
        )
    except InvalidTag:
        raise CredentialUnreadable(
            f"The credential “{credential.name}” cannot be decrypted: CREDENTIALS_KEY is not the "
            "one it was stored with. Enter the secret again."
        ) from None
    return _check_secret(credential, plain.decode())


def _check_secret(credential: Credential, secret: str) -> str:
    if not secret.isascii() or any(character < " " for character in secret):
        raise CredentialUnreadable(
            f"The secret of the credential “{credential.name}” contains characters "
            "that an HTTP header cannot carry."
        )
    return secret
