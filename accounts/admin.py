"""Admin pages of users and groups, for moderators and administrators.

The admin uses the sign-in page of the site, so the same rate limits apply.
"""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import actions as account_actions
from accounts.models import PRIVACY_FIELDS, RetiredUsername, SignIn, User
from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import skeleton
from messenger.core.admin_confirmation import (
    MUTE_DURATIONS,
    SUSPENSION_DURATIONS,
    asks_first,
    get_duration,
    get_reason,
)
from messenger.core.errors import ApplicationError

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# Django's own page changes the password without updating this browser's sign-in, which would end it.
admin.site.password_change = lambda request, extra_context=None: redirect("account_change_password")  # type: ignore

admin.site.enable_nav_sidebar = False  # the lists need its room for their columns; the path above leads to all lists

STATE_FIELDS = ("is_active", "suspended_at", "muted_until", "deleted_at", "last_seen_at", "last_login", "date_joined")
SUSPENSION_QUESTION = _(
    "Suspended people are signed out everywhere at once, can’t sign in and aren’t found by others. "
    "They see the reason and can appeal. You can restore them later."
)
WARNING_QUESTION = _("The person sees the reason on every page until he or she confirms to have read it.")
MUTE_QUESTION = _("Muted people can read, but not write. They see the reason and until when. You can end it earlier.")
RIGHTS_FIELDS = ("is_staff", "is_superuser", "groups", "user_permissions")  # only superusers may change them


class SignInInline(admin.TabularInline):
    model = SignIn
    fields = readonly_fields = ("kind", "address", "user_agent", "created_at", "last_used_at", "ended_at")
    extra = 0
    can_delete = False
    verbose_name_plural = _("sign-ins")

    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.has_perm("accounts.view_user")

    def has_add_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


@admin.register(User)
class AccountAdmin(UserAdmin):
    """Admin of users. `is_active` is read-only: moderators suspend and restore accounts with admin actions instead."""

    class Media:
        css = {"all": ["css/admin.css"]}

    form = forms.ModelForm  # without the field that shows the password hash
    list_display = ("username", "name", "email", "is_active", "is_staff", "date_joined", "last_seen_at")
    list_filter = (
        *("is_active", ("deleted_at", admin.EmptyFieldListFilter), "is_staff", "is_superuser", "groups"),
        "date_joined",
    )
    search_fields = ("username", "name", "email")
    ordering = ("-date_joined",)
    date_hierarchy = "date_joined"
    actions = ("warn", "mute", "unmute", "suspend", "restore")
    inlines = (SignInInline,)
    filter_horizontal = ("groups", "user_permissions")
    fieldsets = (
        (None, {"fields": ("username", "name", "email", "bio", "avatar")}),
        (_("Status"), {"fields": STATE_FIELDS}),
        (_("Settings"), {"fields": ("language", "time_zone", "theme")}),
        (_("Privacy"), {"classes": ("collapse",), "fields": PRIVACY_FIELDS}),
        (_("Permissions"), {"fields": RIGHTS_FIELDS}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "usable_password", "password1", "password2")}),
    )
    # Privacy settings belong to the user. The action that changes them also updates open sockets.
    readonly_fields = (
        "avatar",
        *STATE_FIELDS,
        *PRIVACY_FIELDS,
    )

    def get_readonly_fields(self, request: HttpRequest, obj=None):
        return self.readonly_fields if request.user.is_superuser else (*self.readonly_fields, *RIGHTS_FIELDS)

    def save_model(self, request: HttpRequest, obj: User, form, change: bool) -> None:
        """Saves only the changed fields. Other fields may have changed in the database since the page was rendered."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        changed = set(form.changed_data) & {field.name for field in User._meta.concrete_fields}
        if changed:
            if "username" in changed:
                RetiredUsername.objects.release(form.initial["username"], obj.pk)
            obj.save(update_fields=changed)
            account_actions.publish_admin_change(obj, changed)

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        """Returns whether the admin's user may change this account. Only superusers may change staff accounts.

        Otherwise a moderator could set the password of a staff member and sign in as that person.
        """
        is_privileged = obj is not None and (obj.is_staff or obj.is_superuser) and not request.user.is_superuser
        is_deleted = obj is not None and obj.deleted_at is not None
        return not is_privileged and not is_deleted and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False  # messages would lose their sender; accounts are suspended instead

    def get_inlines(self, request: HttpRequest, obj=None):
        return self.inlines if obj else ()

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        text = strip_unstorable(search_term)
        results, may_have_duplicates = super().get_search_results(request, queryset, text)
        if text.strip():  # also by skeleton: a reported `аlice` (Cyrillic а) may be `alice`
            results = results | queryset.filter(Q(username_key=skeleton(text)))
        return results, may_have_duplicates

    def has_suspend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.suspend_user")

    @asks_first(SUSPENSION_QUESTION, dangerous=True, durations=SUSPENSION_DURATIONS)
    @admin.action(description=_("Suspend: sign out everywhere at once"), permissions=["suspend"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        count = self._run_action(request, queryset, account_actions.suspend_user, duration=get_duration(request))
        if count:
            message = ngettext("%d person suspended.", "%d people suspended.", count) % count
            self.message_user(request, message, messages.SUCCESS)

    @admin.action(description=_("Restore: let them sign in again"), permissions=["suspend"])
    def restore(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        count = self._run_action(request, queryset, account_actions.restore_user)
        if count:
            message = ngettext("%d person restored.", "%d people restored.", count) % count
            self.message_user(request, message, messages.SUCCESS)

    @asks_first(WARNING_QUESTION)
    @admin.action(description=_("Warn"), permissions=["suspend"])
    def warn(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        if count := self._run_action(request, queryset, account_actions.warn_user):
            message = ngettext("%d person warned.", "%d people warned.", count) % count
            self.message_user(request, message, messages.SUCCESS)

    @asks_first(MUTE_QUESTION, durations=MUTE_DURATIONS)
    @admin.action(description=_("Mute for a time"), permissions=["suspend"])
    def mute(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        def run(user_id: int, moderator_id: int, reason: str) -> None:
            account_actions.mute_user(user_id, moderator_id, get_duration(request), reason)

        if count := self._run_action(request, queryset, run):
            message = ngettext("%d person muted.", "%d people muted.", count) % count
            self.message_user(request, message, messages.SUCCESS)

    @admin.action(description=_("End the mute"), permissions=["suspend"])
    def unmute(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        if count := self._run_action(request, queryset, account_actions.unmute_user):
            message = ngettext("%d mute ended.", "%d mutes ended.", count) % count
            self.message_user(request, message, messages.SUCCESS)

    def _run_action(self, request: HttpRequest, queryset: QuerySet[User], action, **options) -> int:
        count = 0
        for user in queryset:
            try:
                action(user.pk, request.user.pk, get_reason(request), **options)
            except ApplicationError as error:
                self.message_user(request, f"{user}: {error.detail}", messages.ERROR)
            else:
                count += 1
        return count


class SuperuserGroupAdmin(GroupAdmin):
    """Admin of permission groups, for superusers only. Anybody who can edit a group could get any permission."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    has_view_permission = has_add_permission = has_change_permission = has_delete_permission = (
        lambda self, request, obj=None: request.user.is_superuser
    )


admin.site.unregister(Group)
admin.site.register(Group, SuperuserGroupAdmin)
