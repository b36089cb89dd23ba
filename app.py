"""Door to the web application: ``flask run``, ``gunicorn -k footfall.collect.worker.Worker app:app``."""

from footfall.app import create_app

__all__ = ["app", "create_app"]

app = create_app()
