"""The Celery application: ``celery -A exchange worker -B`` runs the rounds of custody, for those who would rather have a queue
than loops. Redis carries the tasks and no state: what is lost with it, the next beat asks for again.
"""

from celery import Celery

app = Celery("kontor")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
