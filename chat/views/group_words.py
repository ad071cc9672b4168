"""The page on which the owner and the admins of a group set its word list."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import unsent_forms
from chat import actions, selectors
from chat.forms import GroupWordsForm
from chat.view_models.message_log import conversation_title
from chat.views.common import add_form_errors, render_page
from chat.views.decorators import AuthenticatedRequest, form_view
from messenger.core.errors import ApplicationError


@form_view
def group_words(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    """Shows the word list of a group. POST saves it, or, with the button `try`, only tries it on past messages."""
    user_id, status, trial = request.user.pk, 200, None
    row = actions.get_group_list(user_id, conversation_id)
    form = GroupWordsForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        unsent = unsent_forms.get_initial(GroupWordsForm, unsent_forms.pop_form(request))
        form = GroupWordsForm(initial=unsent or {"words": row.words, "effect": row.effect})
    elif not form.is_valid():
        status = 400
    elif "try" in request.POST:
        row.words = form.cleaned_data["words"]
        trial = actions.try_list(row)
    else:
        try:
            actions.set_group_list(user_id, conversation_id, form.cleaned_data["words"], form.cleaned_data["effect"])
            messages.success(request, _("Saved."))
            return redirect("group_words", conversation_id)
        except ApplicationError as error:
            status = add_form_errors(form, error)
    conversation = selectors.get_conversation(user_id, conversation_id)
    return render_page(
        request,
        "chat/group/group_words.html",
        status,
        conversation=conversation,
        title=conversation_title(conversation),
        form=form,
        trial=trial,
    )
