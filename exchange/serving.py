"""What the web worker and the application know of each other, besides ASGI."""

SERVER_PID = "KONTOR_SERVER_PID"
"""The variable of the environment that names the process that a signal has to reach for the whole server to end."""
