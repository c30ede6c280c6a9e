"""Grafana: the dashboards as code, what checks them, and the client that pushes them.

The boards (`site`, `line`, `compare`, `flows`, `carbon`, `health`) need grafana-foundation-sdk,
which is a tool of development; what ships is the JSON that `python -m dashboards.grafana.build`
writes to `json/`. `client` needs grafana-api, from the extra `wattline[grafana]`.
"""
