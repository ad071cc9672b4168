"""API view of the log of a group: what its owner and admins have done."""

from __future__ import annotations

from chat import selectors
from chat.payloads import GroupLogQuery
from chat.schemas import FieldChangeSchema, GroupActSchema
from messenger.core.timestamps import format_timestamp
from messenger.rest.openapi import error_responses, list_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet


class GroupLogViewSet(ApiViewSet):
    @list_schema(
        GroupActSchema,
        "List what the owner and admins have done in a group, newest first",
        parameters=[GroupLogQuery],
        errors=error_responses("forbidden"),
    )
    def list(self, request, conversation_id: int):
        acts, cursor = selectors.list_group_acts(self.user_id, conversation_id, self.query(GroupLogQuery).before)
        results = [
            GroupActSchema(
                id=act.id,
                action=act.action,
                label=act.label,
                actor=act.actor,
                target=act.target,
                changes=[FieldChangeSchema(each.label, each.before, each.after) for each in act.changes],
                created_at=format_timestamp(act.created_at),
            )
            for act in acts
        ]
        return paginated_response(request, results, cursor)
