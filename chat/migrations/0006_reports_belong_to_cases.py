import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0005_merge_reports")]

    operations = [
        migrations.RemoveConstraint("Report", "one_report_each"),
        migrations.RemoveField("Report", "message"),
        migrations.RemoveField("Report", "settled_at"),
        migrations.RemoveField("Report", "settled_by"),
        migrations.AlterModelOptions("Report", {}),
        migrations.AlterField("Report", "body", models.TextField(blank=True)),
        migrations.AlterField("Report", "created_at", models.DateTimeField(verbose_name="created at")),
        migrations.AlterField(
            "Report",
            "case",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="reports", to="chat.reportcase"
            ),
        ),
        migrations.AddConstraint("Report", models.UniqueConstraint(fields=("case", "reporter"), name="one_report_each")),
        migrations.AddConstraint(
            "ReportCase",
            models.UniqueConstraint(
                condition=models.Q(("message__isnull", False), ("settled_at", None)),
                fields=("message",),
                name="one_case_per_message",
            ),
        ),
        migrations.AddConstraint(
            "ReportCase",
            models.UniqueConstraint(
                condition=models.Q(("message", None), ("settled_at", None)),
                fields=("user",),
                name="one_case_per_person",
            ),
        ),
        migrations.AddIndex(
            "ReportCase",
            models.Index(
                models.F("gravity").desc(),
                "created_at",
                condition=models.Q(("settled_at", None)),
                name="report_queue",
            ),
        ),
    ]
