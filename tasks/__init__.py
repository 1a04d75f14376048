"""The work of the phases as Prefect tasks: thin, each calls one domain function."""
