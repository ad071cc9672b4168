from django.conf import settings
from django.db import models


class Message(models.Model):
    room = models.CharField(max_length=50, db_index=True)
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    ref = models.CharField(max_length=36)  # id chosen by the client, by which the measurement finds the message
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.body
