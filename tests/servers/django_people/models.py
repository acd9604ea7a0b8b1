# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The models that django-scim2 asks for: a user and a group that carry its columns."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django_scim.models import AbstractSCIMGroupMixin, AbstractSCIMUserMixin


class Team(AbstractSCIMGroupMixin):
    """A group."""

    name = models.CharField(max_length=255, unique=True)


class Person(AbstractSCIMUserMixin, AbstractUser):
    """A user. django-scim2 finds the members of a group as `user_set`, and the groups of a user as `scim_groups`."""

    teams = models.ManyToManyField(Team, related_name="user_set")

    @property
    def scim_groups(self) -> models.Manager[Team]:
        """What a user resource shows as `groups`."""
        return self.teams
