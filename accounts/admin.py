"""People in Django's admin: to look things up and to lock somebody out; roles change through the People page."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import Invitation, User


@admin.register(User)
class PersonAdmin(UserAdmin):
    list_display = ("username", "display_name", "role", "is_simulated", "is_active", "last_login")
    list_filter = ("role", "is_simulated", "is_active")
    search_fields = ("username", "display_name", "email")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("display_name", "email", "role", "is_simulated", "language", "time_zone")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (_("Times"), {"fields": ("last_login", "date_joined")}),
    )
    # What a label's `simulated` was taken from must not change under it; staff rights only superusers hand on.
    readonly_fields = ("is_simulated", "last_login", "date_joined")
    filter_horizontal = ()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fixed = tuple(super().get_readonly_fields(request, obj))
        if isinstance(request.user, User) and request.user.is_superuser:
            return fixed
        return (*fixed, "role", "is_staff", "is_superuser")

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    list_display = ("email", "role", "created_by", "created_at", "expires_at", "accepted_by", "withdrawn_at")
    list_filter = ("role",)
    search_fields = ("email", "accepted_by__username")
    exclude = ("token_sha256",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False
