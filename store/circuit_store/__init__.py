"""The SQLite store: tables, queries and exports of what was computed. Knows neither torch nor a terminal.

`store` opens it, `requests` and `units` hold what is to be computed, `results` writes what was, `views` defines every
table a person sees, `queries` answers the explorer, `export` writes files.
"""
