"""The view of the page with the user's e-mail addresses."""

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
