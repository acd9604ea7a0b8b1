# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection options as HTTP settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from ..transport.bounds import MEGABYTE
from ..transport.http import HttpSettings
from .argument_spec import connection_option


def http_settings_from_options(options: Mapping[str, Any]) -> HttpSettings:
    """The settings of all connections. Raises InputError for an invalid value, and for a file that cannot be read."""
    if options["rate_limit_timeout"] < -1:
        raise InputError(
            f"Option rate_limit_timeout is {options['rate_limit_timeout']}: give -1 (wait as long as it takes), 0 (never wait) or seconds."
        )
    for option, unit in (("timeout", "seconds"), ("answer_timeout", "seconds"), ("max_answer_size", "megabytes")):
        if options[option] <= 0:
            raise InputError(f"Option {option} is {options[option]}: give a number of {unit} above 0.")
    if (options.get("read_back_timeout") or 0) < 0:
        raise InputError(
            f"Option read_back_timeout is {options['read_back_timeout']}: give 0 (do not read back) or seconds."
        )
    rate = options["max_requests_per_second"]
    if rate is not None and rate <= 0:
        raise InputError(
            f"Option max_requests_per_second is {rate}: give a number above 0, or leave it out for no limit."
        )
    for option in ("ca_path", "client_cert", "client_key"):
        if options[option]:
            _refuse_unreadable(options[option], option)
    key = options["client_key"]
    return HttpSettings(
        verify=(options["ca_path"] or True) if options["validate_certs"] else False,
        cert=(options["client_cert"], key) if key else options["client_cert"],
        timeout=options["timeout"],
        answer_timeout=options["answer_timeout"],
        max_answer_size=options["max_answer_size"] * MEGABYTE,
        max_wait=options["rate_limit_timeout"],
        requests_per_second=rate,
        connections=1,
    )


def required_option(options: Mapping[str, Any], name: str, purpose: str) -> str:
    """A connection option that is needed. Raises InputError that names its environment variable too."""
    value = options[name]
    text = str(value).strip() if value is not None else ""
    row = connection_option(name)
    if not text:
        raise InputError(
            f"Option {name} is needed {purpose}. Give it in the task, in module_defaults, or in {row.env}."
        )
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise InputError(f"Option {name} holds a line break or another control character. Check how it was copied.")
    if row.secret and not text.isascii():
        raise InputError(f"Option {name} holds a character that no key has. Check how it was copied.")
    return text


def _refuse_unreadable(path: str, option: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise InputError(f"Option {option}: {path!r} cannot be read ({error.strerror}).") from None
