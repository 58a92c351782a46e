"""Which nouns of labeling keep a log of who changed what. Labels need none: they are never overwritten."""

from __future__ import annotations

from auditlog.registry import auditlog

from labeling.models import Membership, Project, Prompt, Round


def register() -> None:
    for model in (Project, Membership, Round):
        if not auditlog.contains(model):
            auditlog.register(model)
    # Of prompts only the one thing that a researcher may change later.
    if not auditlog.contains(Prompt):
        auditlog.register(Prompt, include_fields=["sensitive"])
