import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

KINDS = [
    ("spam", "Spam or advertising"),
    ("scam", "Fraud or scam"),
    ("harassment", "Harassment or bullying"),
    ("hate", "Hate"),
    ("sexual", "Sexual content"),
    ("violence", "Violence or threats"),
    ("self_harm", "Suicide or self-harm"),
    ("privacy", "Private information"),
    ("other", "Something else"),
]


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("chat", "0003_database_epoch"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReportCase",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "gravity",
                    models.SmallIntegerField(
                        choices=[(1, "low"), (2, "medium"), (3, "high")], default=1, verbose_name="gravity"
                    ),
                ),
                ("report_count", models.IntegerField(default=0, verbose_name="reports")),
                ("context", models.JSONField(default=list)),
                ("note", models.CharField(blank=True, max_length=200, verbose_name="found by a word list")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("settled_at", models.DateTimeField(null=True, verbose_name="resolved at")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("acted", "acted upon"), ("dismissed", "dismissed")],
                        max_length=9,
                        verbose_name="outcome",
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="report_cases",
                        to="chat.message",
                    ),
                ),
                (
                    "settled_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="report_cases",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"verbose_name": "report", "verbose_name_plural": "reports"},
        ),
        migrations.AddField(
            "Report",
            "case",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="reports", to="chat.reportcase"
            ),
        ),
        migrations.AddField(
            "Report", "kind", models.CharField(choices=KINDS, default="other", max_length=10, verbose_name="kind")
        ),
    ]
