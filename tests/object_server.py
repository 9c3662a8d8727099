"""A server that speaks S3, on loopback: moto's, over real HTTP."""

import logging
from typing import Any, Self

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

from tests.ports import unused_port

BUCKET = "plumbmark-tests"
KEY_ID = "tests"
SECRET = "not-a-secret-of-anything"


class ObjectServer:
    """A server with one bucket. What it has outlives `stop`, as a server's disk does."""

    def __init__(self) -> None:
        # It writes a line for each request.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.port = unused_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._server: ThreadedMotoServer | None = None
        self.start()
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.client.create_bucket(Bucket=BUCKET)

    def start(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def empty(self) -> None:
        for key in self.keys():
            self.client.delete_object(Bucket=BUCKET, Key=key)

    def keys(self) -> list[str]:
        found = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [entry["Key"] for entry in found]

    def content(self) -> bytes:
        """Return the bytes of all objects together."""
        return b"".join(
            self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in self.keys()
        )

    def environment(self, prefix: str) -> dict[str, str]:
        """Return the variables that make a process use it."""
        name = "PLUMBMARK_EXCHANGE_STORAGE"
        return {
            name: f"s3://{BUCKET}/{prefix}",
            f"{name}_ENDPOINT": self.endpoint,
            f"{name}_REGION": "us-east-1",
            f"{name}_KEY_ID": KEY_ID,
            f"{name}_SECRET": SECRET,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
