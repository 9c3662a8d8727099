"""A bucket of S3, or of a server that speaks like it, which `PLUMBMARK_EXCHANGE_STORAGE` names.

Loaded by the settings alone: its packages come with the extra `s3`.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile
from storages.backends.s3 import S3Storage

from plumbmark.gateway.storage.exchanges import ObjectMissing, StorageAway

T = TypeVar("T")

_CONNECT_SECONDS = 2
_READ_SECONDS = 5
_MISSING = frozenset({"NoSuchKey", "InvalidRange"})
_KEYS_PER_REQUEST = 1000
"""As many as one request of the protocol may delete."""


class ObjectStorage(S3Storage):
    """Immutable objects under keys of ours, read in ranges.

    No object gets an access list of its own, and no address of one is made: whether a bucket is
    private is a matter of the bucket, and readers get bytes from us, after our checks.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            default_acl=None,
            # Keys are random: looking for one that exists already would be a request for nothing.
            file_overwrite=True,
            client_config=Config(
                signature_version="s3v4",
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                # Who waits decides whether to try again.
                retries={"total_max_attempts": 1},
                # Servers other than Amazon's do not know the newer checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
            **options,
        )

    def put(self, key: str, data: bytes) -> None:
        self._ask(lambda: self.save(key, ContentFile(data)))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return these bytes of an object."""

        def read() -> bytes:
            answer = self._client.get_object(
                Bucket=self.bucket_name,
                Key=self._full(key),
                Range=f"bytes={start}-{start + length - 1}",
            )
            with answer["Body"] as body:
                found: bytes = body.read()
                return found

        data = self._ask(read)
        if len(data) != length:
            raise ObjectMissing(f"{key} has {len(data)} bytes from {start} on instead of {length}")
        return data

    def remove(self, keys: Sequence[str]) -> None:
        """Delete objects; those that do not exist are no error."""
        for start in range(0, len(keys), _KEYS_PER_REQUEST):
            chunk = [{"Key": self._full(key)} for key in keys[start : start + _KEYS_PER_REQUEST]]
            delete = partial(
                self._client.delete_objects,
                Bucket=self.bucket_name,
                Delete={"Objects": chunk, "Quiet": True},
            )
            answer = self._ask(delete)
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise StorageAway(f"{first.get('Key')} cannot be deleted: {first.get('Code')}")

    def listed(self) -> Iterator[tuple[str, datetime]]:
        """Yield the keys of all objects, with the time at which each was written."""
        prefix = f"{self.location.strip('/')}/" if self.location else ""
        following: dict[str, str] = {}
        while True:
            answer = self._ask(
                partial(
                    self._client.list_objects_v2,
                    Bucket=self.bucket_name,
                    Prefix=prefix,
                    **following,
                )
            )
            for entry in answer.get("Contents", []):
                yield entry["Key"].removeprefix(prefix), entry["LastModified"]
            if not answer.get("IsTruncated"):
                return
            following = {"ContinuationToken": answer["NextContinuationToken"]}

    @property
    def _client(self) -> Any:
        return self.connection.meta.client

    def _full(self, key: str) -> str:
        full: str = self._normalize_name(key)
        return full

    def _ask(self, request: Callable[[], T]) -> T:
        try:
            return request()
        except ClientError as error:
            is_missing = error.response.get("Error", {}).get("Code") in _MISSING
            kind = ObjectMissing if is_missing else StorageAway
            raise kind(str(error)) from error
        except (BotoCoreError, Boto3Error, OSError) as error:
            # Its text may name the endpoint, never a key of access.
            raise StorageAway(f"{type(error).__name__}: {error}") from error
