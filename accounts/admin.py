"""People, for moderators and administrators. Signing in here is signing in to the site: one page, one limit."""

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

from accounts import actions as verbs
from accounts.models import PRIVACY_FIELDS, SignIn, User
from accounts.text.usernames import skeleton, storable
from messenger.core.errors import ApplicationError

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# Django's own page would change the password without keeping this sign-in.
admin.site.password_change = lambda request, extra_context=None: redirect("account_change_password")  # type: ignore

STATE = ("is_active", "suspended_at", "deleted_at", "last_seen_at", "last_login", "date_joined")
RAISING = ("is_staff", "is_superuser", "groups", "user_permissions")  # what makes somebody more than a person


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
class PersonAdmin(UserAdmin):
    """Suspending and restoring go through the verbs, with effect at once; `is_active` is only shown."""

    form = forms.ModelForm  # without the line about the password's hash
    list_display = ("username", "name", "email", "is_active", "is_staff", "date_joined", "last_seen_at")
    list_filter = (
        *("is_active", ("deleted_at", admin.EmptyFieldListFilter), "is_staff", "is_superuser", "groups"),
        "date_joined",
    )
    search_fields = ("username", "name", "email")
    ordering = ("-date_joined",)
    date_hierarchy = "date_joined"
    actions = ("suspend", "restore")
    inlines = (SignInInline,)
    filter_horizontal = ("groups", "user_permissions")
    fieldsets = (
        (None, {"fields": ("username", "name", "email", "bio", "avatar")}),
        (_("State"), {"fields": STATE}),
        (_("Settings"), {"fields": ("language", "time_zone", "theme")}),
        (_("Privacy"), {"classes": ("collapse",), "fields": PRIVACY_FIELDS}),
        (_("Rights"), {"fields": RAISING}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "usable_password", "password1", "password2")}),
    )
    # Privacy is everybody's own choice, and is told to open sockets by the verb that changes it.
    readonly_fields = (
        "avatar",
        *STATE,
        *PRIVACY_FIELDS,
    )

    def get_readonly_fields(self, request: HttpRequest, obj=None):
        return self.readonly_fields if request.user.is_superuser else (*self.readonly_fields, *RAISING)

    def save_model(self, request: HttpRequest, obj: User, form, change: bool) -> None:
        """Only what was changed: the rest of the row may have moved since the page was drawn."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        changed = set(form.changed_data) & {field.name for field in User._meta.concrete_fields}
        if changed:
            obj.save(update_fields=changed)
            verbs.changed_by_administrator(obj, changed)

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        """Only superusers change those who have rights here: others would change a password, and so be them."""
        above = obj is not None and (obj.is_staff or obj.is_superuser) and not request.user.is_superuser
        gone = obj is not None and obj.deleted_at is not None
        return not above and not gone and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False  # what a person wrote would be nobody's; they are suspended instead

    def get_inlines(self, request: HttpRequest, obj=None):
        return self.inlines if obj else ()

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        text = storable(search_term)
        found, duplicates = super().get_search_results(request, queryset, text)
        if text.strip():  # also by look: what is reported as `аlice` may be `alice`
            found = found | queryset.filter(Q(username_key=skeleton(text)))
        return found, duplicates

    def has_suspend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.suspend_user")

    @admin.action(description=_("Suspend: sign out everywhere, at once"), permissions=["suspend"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        done = self._each(request, queryset, verbs.suspend, "Suspended.")
        if done:
            words = ngettext("%d person is suspended.", "%d people are suspended.", done) % done
            self.message_user(request, words, messages.SUCCESS)

    @admin.action(description=_("Restore: let them sign in again"), permissions=["suspend"])
    def restore(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        done = self._each(request, queryset, verbs.restore, "Restored.")
        if done:
            words = ngettext("%d person is restored.", "%d people are restored.", done) % done
            self.message_user(request, words, messages.SUCCESS)

    def _each(self, request: HttpRequest, queryset: QuerySet[User], verb, logged: str) -> int:
        done = 0
        for person in queryset:
            try:
                verb(person.pk, request.user.pk)
            except ApplicationError as refused:
                self.message_user(request, f"{person}: {refused.detail}", messages.ERROR)
            else:
                self.log_change(request, person, logged)
                done += 1
        return done


class GroupsForSuperusers(GroupAdmin):
    """Whoever could edit a group could raise themselves."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    has_view_permission = has_add_permission = has_change_permission = has_delete_permission = (
        lambda self, request, obj=None: request.user.is_superuser
    )


admin.site.unregister(Group)
admin.site.register(Group, GroupsForSuperusers)
