"""How gunicorn serves the exchange: one worker, because a process holds exactly one engine. Read by gunicorn itself.

Environment: BIND (default 127.0.0.1:8000), KONTOR_STATE.
"""

import ctypes
import os
import signal
import sys
from typing import Any

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "exchange.worker.Worker"
workers = 1
proc_name = "kontor-exchange"

# Within graceful_timeout open requests are answered and streams closed. `timeout` covers a start that folds a long journal.
graceful_timeout = 10
timeout = 120
keepalive = 65

# The heartbeat file must not be on a disk that can stall.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else os.environ.get("KONTOR_STATE")  # noqa: S108

accesslog = None
errorlog = "-"
loglevel = "info"

# The control socket would be written to the home directory.
control_socket_disable = True

_PR_SET_PDEATHSIG = 1


def post_fork(server: Any, worker: Any) -> None:
    """The worker must not outlive a killed master: it would keep the port and go on taking orders unsupervised."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != server.pid:
            os._exit(1)
