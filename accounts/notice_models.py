"""What the staff tell everybody, and that they took it back: two acts, each a row that stays. Part of ``models``, written by
``notices``.

The database refuses changes of either (migrations/accounts/0009_notices.sql).
"""

from django.db import models

TEXT_LIMIT = 280


class Notice(models.Model):
    """One notice, as it was published. It stands until it is withdrawn or ``ends_at``; ``starts_at``: of what it tells."""

    class Severity(models.TextChoices):
        INFO = "info"
        MAINTENANCE = "maintenance"
        INCIDENT = "incident"

    id = models.BigAutoField(primary_key=True)
    severity = models.CharField(max_length=11, choices=Severity)
    text = models.CharField(max_length=TEXT_LIMIT)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField()

    class Meta:
        db_table = "accounts_notice"
        constraints = [
            models.CheckConstraint(
                name="notice_has_a_severity", condition=models.Q(severity__in=["info", "maintenance", "incident"])
            ),
            models.CheckConstraint(name="notice_says_something", condition=~models.Q(text="")),
            models.CheckConstraint(
                name="notice_ends_after_it_starts",
                condition=models.Q(starts_at=None)
                | models.Q(ends_at=None)
                | models.Q(ends_at__gt=models.F("starts_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.severity}"


class NoticeWithdrawal(models.Model):
    """A notice was taken back."""

    notice = models.OneToOneField(Notice, primary_key=True, on_delete=models.PROTECT, related_name="withdrawal")
    withdrawn_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField()

    class Meta:
        db_table = "accounts_notice_withdrawal"

    def __str__(self) -> str:
        return str(self.notice_id)
