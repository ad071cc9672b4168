from itertools import groupby

from django.db import migrations


def merge(apps, schema_editor):
    """Creates a case for the reports of each message: one for those that are settled, one for those that are not."""
    Report, ReportCase = apps.get_model("chat", "Report"), apps.get_model("chat", "ReportCase")
    reports = Report.objects.select_related("message").order_by("message_id", "created_at", "pk")
    for _message_id, group in groupby(reports, key=lambda report: report.message_id):
        all_rows = list(group)
        settled = [row for row in all_rows if row.settled_at]
        for rows in (settled, [row for row in all_rows if not row.settled_at]):
            if not rows:
                continue
            last = max(rows, key=lambda row: row.settled_at) if rows is settled else None
            message = rows[0].message
            case = ReportCase.objects.create(
                user_id=message.sender_id,
                message=message,
                report_count=len(rows),
                created_at=rows[0].created_at,
                settled_at=last.settled_at if last else None,
                settled_by_id=last.settled_by_id if last else None,
                outcome=("acted" if message.deleted_at else "dismissed") if last else "",
            )
            Report.objects.filter(pk__in=[row.pk for row in rows]).update(case=case)


class Migration(migrations.Migration):
    dependencies = [("chat", "0004_report_cases")]
    operations = [migrations.RunPython(merge, migrations.RunPython.noop)]
