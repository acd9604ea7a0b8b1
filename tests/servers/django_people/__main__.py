# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serve it over plain HTTP: `python -m django_people PORT TOKEN`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

PORT, TOKEN = int(sys.argv[1]), sys.argv[2]

settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="nothing is signed here",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_scim", "django_people"],
    AUTH_USER_MODEL="django_people.Person",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    MIDDLEWARE=["__main__.bearer", "django_scim.middleware.SCIMAuthCheckMiddleware"],
    ROOT_URLCONF="__main__",
    USE_TZ=True,
    SCIM_SERVICE_PROVIDER={
        "NETLOC": f"localhost:{PORT}",
        "AUTHENTICATION_SCHEMES": [
            {"type": "oauthbearertoken", "name": "Bearer token", "description": "A fixed token"}
        ],
        "WWW_AUTHENTICATE_HEADER": "Bearer",
        "GROUP_MODEL": "django_people.models.Team",
        "USER_ADAPTER": "django_people.adapters.PersonAdapter",
        "GROUP_ADAPTER": "django_people.adapters.TeamAdapter",
        "USER_FILTER_PARSER": "django_people.filters.PersonFilter",
        "GROUP_FILTER_PARSER": "django_people.filters.TeamFilter",
    },
)


def bearer(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The middleware that tells django-scim2 who calls."""

    def check(request: Any) -> Any:
        request.user = SimpleNamespace(is_authenticated=request.headers.get("Authorization") == f"Bearer {TOKEN}")
        return get_response(request)

    return check


class Handler(WSGIRequestHandler):
    """Without a line for every request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
        """Print nothing."""


django.setup()
urlpatterns = [path("scim/v2/", include("django_scim.urls"))]
call_command("migrate", run_syncdb=True, verbosity=0)
# One request at a time: a database in memory belongs to the thread that made it.
make_server("127.0.0.1", PORT, get_wsgi_application(), handler_class=Handler).serve_forever()
