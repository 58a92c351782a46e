"""The embedded default: PostgreSQL and Valkey from wheels, web, workers and beat, under one supervisor.

    python -m config.stack [--host HOST] [--port PORT] [--var DIR] [--no-demo] [--ready-file FILE]

The parts: `process` (children that die with their parent), `postgres` and `valkey` (one server each), `ownership`
(which user PostgreSQL runs as), `secrets`, `children` (what is started, with which environment), `supervisor` (order,
restarts, stop) and `attach` (how manage.py finds a running stack).
"""
