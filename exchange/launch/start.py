"""The steps of a start, in order; the one place where the whole of it can be seen."""

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing

from exchange.launch import logs
from exchange.launch.chain import DemoChain, prepare_chain
from exchange.launch.child import Child, end_with_parent
from exchange.launch.configuration import HOST, Configuration, child_environment, manage
from exchange.launch.console import Console
from exchange.launch.postgres import DATABASE, OWNER, EmbeddedPostgres
from exchange.launch.refusal import Refusal, refusal_of_folder, refusal_of_output
from exchange.launch.stop_signals import StopRequested, StopSignals
from exchange.launch.supervisor import Supervisor
from exchange.launch.surroundings import (
    ensure_secret_key,
    note_database,
    read_demo_users,
    require_database,
    require_free_port,
    sole_use_of_state,
)

_READY_LIMIT_S = 600.0
_READY_REMARK_EVERY_S = 5.0
_WEB_STOP_LIMIT_S = 15.0
"""More than gunicorn's own graceful_timeout in etc/gunicorn.conf.py."""
_BOTS_STOP_LIMIT_S = 5.0
_WATCHER_STOP_LIMIT_S = 10.0
_CHAIN_STOP_LIMIT_S = 20.0
"""A node writes to the disk what it has in memory."""


def launch(configuration: Configuration, *, console: Console, signals: StopSignals) -> None:
    """Start the exchange and stay until a stop is requested. Raises Refusal."""
    with sole_use_of_state(configuration):
        require_free_port(configuration.port)
        ensure_secret_key(configuration.state_dir)
        postgres = None if configuration.database_url else EmbeddedPostgres(configuration.state_dir, say=console.say)
        chain = prepare_chain(configuration, say=console.say) if configuration.with_custody else None
        supervisor = Supervisor(console=console, signals=signals, postgres=postgres)
        try:
            _bring_up(
                configuration, console=console, signals=signals, supervisor=supervisor, postgres=postgres, chain=chain
            )
            supervisor.watch()
        except StopRequested:
            console.show("")
        except OSError as error:
            raise refusal_of_folder(configuration.state_dir, error) from error
        finally:
            supervisor.stop()
            if chain is not None:
                chain.sockets.close()
        console.say("stopped; the next start goes on from here")


def _bring_up(
    configuration: Configuration,
    *,
    console: Console,
    signals: StopSignals,
    supervisor: Supervisor,
    postgres: EmbeddedPostgres | None,
    chain: DemoChain | None,
) -> None:
    application_url, owner_url = _database(configuration, console=console, postgres=postgres)
    signals.check()
    for child in () if chain is None else chain.children:
        supervisor.start(child, stop_limit_s=_CHAIN_STOP_LIMIT_S)
    embedded, of_chain = postgres is not None, {} if chain is None else chain.environment
    environment = child_environment(configuration, database_url=application_url, embedded=embedded) | of_chain
    as_owner = child_environment(configuration, database_url=owner_url, embedded=embedded) | of_chain
    for said, command, step_environment in (
        ("applying migrations", manage("migrate", "--noinput", "--verbosity=1"), as_owner),
        ("collecting the files of the site", manage("collectstatic", "--noinput", "--verbosity=0"), environment),
        ("laying out the demo", manage("lay_out_demo"), environment),
    ):
        console.say(said)
        _run_step(said, command, step_environment, configuration=configuration, signals=signals)
    console.say("starting the exchange")
    web = _web(configuration, environment)
    supervisor.start(web, stop_limit_s=_WEB_STOP_LIMIT_S, ends_all=True)
    _wait_until_ready(web, configuration=configuration, console=console, signals=signals)
    if environment.get("FUNDING_NODES"):
        supervisor.start(_watcher(configuration, environment), stop_limit_s=_WATCHER_STOP_LIMIT_S)
    if configuration.with_bots:
        console.say("starting the demo bots")
        supervisor.start(_bots(configuration, environment), stop_limit_s=_BOTS_STOP_LIMIT_S)
    console.say("ready")
    console.show(_welcome(configuration))


def _database(configuration: Configuration, *, console: Console, postgres: EmbeddedPostgres | None) -> tuple[str, str]:
    """The addresses for the application and for the owner of the tables."""
    if postgres is not None:
        console.say("starting PostgreSQL")
        postgres.start()
        application_url, owner_url = postgres.url(), postgres.url(DATABASE, OWNER)
        note_database(configuration.state_dir, application_url=application_url, owner_url=owner_url)
        return application_url, owner_url
    application_url = str(configuration.database_url)
    owner_url = str(configuration.database_owner_url)
    console.say("looking for the database of DATABASE_URL")
    require_database(application_url)
    if owner_url != application_url:
        require_database(owner_url)
    return application_url, owner_url


def _run_step(
    said: str, command: list[str], environment: dict[str, str], *, configuration: Configuration, signals: StopSignals
) -> None:
    """Run a command to its end. Raises Refusal when it fails, StopRequested."""
    with tempfile.TemporaryFile(dir=configuration.state_dir) as output:
        process = subprocess.Popen(
            command,
            cwd=configuration.checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=end_with_parent(signal.SIGKILL),
        )
        try:
            while process.poll() is None:
                signals.sleep(0.02)
        except StopRequested:
            process.terminate()
            process.wait()
            raise
        if process.returncode:
            output.seek(0)
            raise refusal_of_output(output.read().decode(errors="replace"), configuration.state_dir, f"{said} failed:")


def _web(configuration: Configuration, environment: dict[str, str]) -> Child:
    return Child(
        name="the exchange",
        command=[
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            str(configuration.checkout / "etc" / "gunicorn.conf.py"),
            "exchange.asgi:application",
        ],
        environment=environment | {"BIND": f"{HOST}:{configuration.port}"},
        log=configuration.log_dir / "web.log",
        folder=configuration.checkout,
    )


def _watcher(configuration: Configuration, environment: dict[str, str]) -> Child:
    return Child(
        name="the watcher of deposits and withdrawals",
        command=manage("watch_custody"),
        environment=environment,
        log=configuration.log_dir / "custody.log",
        folder=configuration.checkout,
    )


def _bots(configuration: Configuration, environment: dict[str, str]) -> Child:
    return Child(
        name="the demo bots",
        command=manage("bot", "all"),
        environment=environment,
        log=configuration.log_dir / "bots.log",
        folder=configuration.checkout,
    )


def _wait_until_ready(web: Child, *, configuration: Configuration, console: Console, signals: StopSignals) -> None:
    """Until /health/ready?needs=trading answers 200. Raises Refusal when the web process ends or stays unready for too long."""
    started = time.monotonic()
    remark_at = started + _READY_REMARK_EVERY_S
    while time.monotonic() - started < _READY_LIMIT_S:
        if web.exit_code() == 0:
            raise StopRequested  # it was winding down when it was last stopped, and has done that now
        if not web.is_running():
            raise refusal_of_output(
                logs.tail(web.log),
                configuration.state_dir,
                f"the exchange did not start; the log is {web.log}, its end is:",
            )
        status, reason = _health(configuration.port)
        if status == http.client.OK:
            return
        if time.monotonic() > remark_at:
            console.say(f"not ready yet: {reason}")
            remark_at += _READY_REMARK_EVERY_S
        signals.sleep(0.1)
    raise Refusal(
        f"the exchange was not ready after {_READY_LIMIT_S:.0f} s; the log is {web.log}, its end is:\n{logs.tail(web.log)}"
    )


def _health(port: int) -> tuple[int | None, str]:
    """Status and body of /health/ready, shortened; no status while nothing listens."""
    with closing(http.client.HTTPConnection(HOST, port, timeout=5)) as connection:
        try:
            connection.request("GET", "/health/ready?needs=trading")
            answer = connection.getresponse()
            return answer.status, answer.read(1000).decode(errors="replace").strip()
        except (OSError, http.client.HTTPException) as error:
            return None, str(error) or type(error).__name__


def _welcome(configuration: Configuration) -> str:
    users = read_demo_users(configuration.state_dir)
    width = max((len(user.role) for user in users), default=0)
    people = "\n".join(f"    {user.role:<{width}}  {user.email}  {user.password}" for user in users)
    bots = "" if configuration.with_bots else "\n  The demo bots are off: the market is silent."
    return f"""
  Kontor is open at {configuration.address}

  Sign in with e-mail and password (demo accounts, kept in {os.path.relpath(configuration.state_dir / "demo.json")}):
{people}

  Admin      {configuration.address}/admin/
  API        {configuration.address}/api/docs
  Logs       {os.path.relpath(configuration.log_dir)}
  Stop       Ctrl-C; the next start goes on from here{bots}
"""
