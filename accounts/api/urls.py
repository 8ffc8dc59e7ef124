from django.urls import path

from . import views

urlpatterns = [
    path("user", views.UserView.as_view()),
    path("session", views.SessionsView.as_view()),
    path("session/<str:session_id>", views.SessionView.as_view()),
]
