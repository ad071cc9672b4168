"""API views for contacts, contact requests and blocked users.

These are data of the app accounts. The views are in the app chat, because they add whether a contact is online, which
the app accounts does not know.
"""

from __future__ import annotations

import msgspec

from accounts.actions import contacts
from accounts.schemas import ContactSchema, contact_schema
from accounts.selectors import contact_lists
from chat import actions, selectors
from chat.payloads import ReportPayload
from chat.schemas import ListedContactSchema
from messenger.rest.openapi import error_responses, list_schema, no_content_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, no_content, respond


class ContactViewSet(ApiViewSet):
    @list_schema(ListedContactSchema, "List my contacts, received requests and sent requests")
    def list(self, request):
        relationships = [row for rows in contact_lists.list_contacts(self.user_id) for row in rows]
        presence = selectors.contact_presence(request.user, relationships)
        return paginated_response(
            request,
            [
                ListedContactSchema(**msgspec.structs.asdict(contact_schema(row)), presence=presence.get(row.person_id))
                for row in relationships
            ],
        )

    @response_schema(ContactSchema, "Get one contact or request; `not_found` if there is none")
    def retrieve(self, request, user_id: int):
        return respond(contact_lists.get_contact(self.user_id, user_id))

    @response_schema(
        ContactSchema,
        "Add a contact, send a request or accept one",
        description="Adds the person, or accepts their request if there is one. If their privacy settings require it,"
        " a request is sent instead (state `asked`).",
        request=None,
        errors=error_responses("invalid"),
    )
    def update(self, request, user_id: int):
        return respond(contacts.add_contact(self.user_id, user_id))

    @no_content_schema("Remove a contact, withdraw my request or decline theirs")
    def destroy(self, request, user_id: int):
        contacts.remove_contact_or_request(self.user_id, user_id)
        return no_content()


class UserReportViewSet(ApiViewSet):
    @no_content_schema("Report a person to the moderators", request=ReportPayload)
    def create(self, request, user_id: int):
        payload = self.payload(ReportPayload)
        actions.report_user(self.user_id, user_id, payload.reason, payload.kind)
        return no_content()


class IgnoredRequestViewSet(ApiViewSet):
    @no_content_schema(
        "Ignore a contact request",
        description="The sender is not notified and still sees the request as not answered.",
        request=None,
    )
    def update(self, request, user_id: int):
        contacts.ignore_request(self.user_id, user_id)
        return no_content()


class BlockViewSet(ApiViewSet):
    @list_schema(ContactSchema, "List the users I have blocked, newest first")
    def list(self, request):
        blocked = contact_lists.list_blocked(self.user_id)
        return paginated_response(request, [contact_schema(relationship) for relationship in blocked])

    @response_schema(ContactSchema, "Get one user I have blocked; `not_found` for others")
    def retrieve(self, request, user_id: int):
        return respond(contact_lists.get_blocked(self.user_id, user_id))

    @response_schema(
        ContactSchema,
        "Block a user",
        description="No direct messages, mentions, groups, presence, receipts or typing between us. The blocked user"
        " is not notified.",
        request=None,
        errors=error_responses("invalid"),
    )
    def update(self, request, user_id: int):
        return respond(contacts.block_user(self.user_id, user_id))

    @no_content_schema("Unblock a user: contacts and conversations are as they were before")
    def destroy(self, request, user_id: int):
        contacts.unblock_user(self.user_id, user_id)
        return no_content()
