"""Making the two buckets of Wattline in an InfluxDB: figures for good, raw readings for seven days.
What is there already is left as it is."""

from __future__ import annotations

from typing import Any

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.rest import ApiException

from plant.errors import QueryError, RetryableError, SinkRefused
from store.influx import QUERY_TIMEOUT, Access, ask
from store.influx_send import TIMEOUT_MS, said

RAW_DAYS = 7
_ADMIN = (
    "making a database needs an administrator: set influx.token to user:password of one for this "
    "once, or have one run: "
)
_OPERATOR = (
    "making a bucket needs a token with read and write on all buckets of the organisation, such "
    "as an all-access token; use one for this once, or have someone make the buckets: "
)


def version(access: Access) -> str:
    """`1.8.10`, `2.7.12`, ..., or `unknown`, which is what a build without a version says."""
    with urllib3.PoolManager(
        retries=False,
        timeout=QUERY_TIMEOUT,
        headers=access.headers(),
    ) as http:
        try:
            found = (
                http.request("GET", f"{access.url}/ping")
                .headers.get("X-Influxdb-Version", "unknown")
                .lstrip("v")
            )
            if found != "unknown":
                return found

            return "1" if http.request("GET", f"{access.url}/api/v2/buckets").status == 404 else "2"
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise RetryableError(f"InfluxDB at {access.url} does not answer: {error}") from error


def make(access: Access) -> list[str]:
    """Make both; one sentence each. SinkRefused says which right is missing."""
    number = version(access)
    if number.startswith("1"):
        return _databases(access)

    if number.startswith("2"):
        return _buckets(access)

    return [
        f"InfluxDB {number} makes a database at the first write; nothing was done. To keep raw "
        f"readings for {RAW_DAYS} days only: "
        f"influxdb3 create database --retention-period {RAW_DAYS}d {access.raw_bucket}"
    ]


def _databases(access: Access) -> list[str]:
    statements = {
        access.bucket: f'CREATE DATABASE "{access.bucket}"',
        access.raw_bucket: (
            f'CREATE DATABASE "{access.raw_bucket}" WITH DURATION {RAW_DAYS}d REPLICATION 1 SHARD'
            " DURATION 1d"
        ),
    }
    done = []
    with urllib3.PoolManager(
        retries=False,
        timeout=QUERY_TIMEOUT,
        headers=access.headers(),
    ) as http:
        for name, statement in statements.items():
            try:
                ask(
                    http,
                    access.url,
                    statement,
                    "",
                    method="POST",
                )
                done.append(f"database {name} is there, {_kept(name, access)}")
            except SinkRefused as error:
                raise SinkRefused(f"{error}; {_ADMIN}{'; '.join(statements.values())}") from error
            except QueryError as error:
                if "conflicts" not in str(error):
                    raise

                done.append(
                    f"database {name} was there already with another retention, and was left as "
                    "it is"
                )

    return done


def _kept(name: str, access: Access) -> str:
    return (
        f"raw readings are kept {RAW_DAYS} days"
        if name == access.raw_bucket
        else "figures are kept for good"
    )


def _buckets(access: Access) -> list[str]:
    client: Any = InfluxDBClient(
        access.url,
        token=access.token or "",
        org=access.org,
        timeout=TIMEOUT_MS,
    )
    try:
        api = client.buckets_api()
        return [_bucket(api, access, name) for name in (access.bucket, access.raw_bucket)]
    except ApiException as error:
        if error.status in (401, 403, 404):
            raise SinkRefused(
                f"InfluxDB at {access.url} refuses ({error.status}): {said(error)}; "
                f"{_OPERATOR}{access.bucket}, {access.raw_bucket}"
            ) from error

        raise QueryError(
            f"InfluxDB at {access.url} cannot make the buckets ({error.status}): {said(error)}"
        ) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise RetryableError(f"InfluxDB at {access.url} does not answer: {error}") from error
    finally:
        client.close()


def _bucket(
    api: Any,
    access: Access,
    name: str,
) -> str:
    if api.find_bucket_by_name(name) is not None:
        return f"bucket {name} was there already, and was left as it is"

    expire: Any = BucketRetentionRules
    rules = (
        [
            expire(
                type="expire",
                every_seconds=RAW_DAYS * 86_400,
            )
        ]
        if name == access.raw_bucket
        else []
    )
    api.create_bucket(
        bucket_name=name,
        retention_rules=rules,
        org=access.org,
    )
    return f"bucket {name} is there, {_kept(name, access)}"
