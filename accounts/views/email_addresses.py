"""The views of the page with the user's e-mail addresses and of the page that a confirmation link opens."""

from __future__ import annotations

from typing import Any

from allauth.account import views as allauth_views
from django.utils.decorators import method_decorator

from accounts import unsent_forms
from accounts.decorators import login_required_for_form


@method_decorator(login_required_for_form, name="dispatch")
class EmailAddressesView(allauth_views.EmailView):
    """allauth's page. If the sign-in had ended, it shows the address again that was to be added."""

    def get_initial(self) -> dict[str, Any]:
        unsent = unsent_forms.pop_form(self.request)
        added = {"email": unsent.get("email")} if "action_add" in unsent else {}
        return super().get_initial() | added


class ConfirmEmailView(allauth_views.ConfirmEmailView):
    """allauth's page. If another user is signed in, the page says so, and that user stays signed in.

    allauth signs that user out as soon as the page is opened. Then anybody could sign a user out by sending a link.
    """

    def logout_other_user(self, confirmation: Any) -> None:
        """Does nothing, so that nobody is signed out."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        is_other_user = self.object and user.is_authenticated and user.pk != self.object.email_address.user_id
        return super().get_context_data(**kwargs) | {"is_other_user": bool(is_other_user)}
