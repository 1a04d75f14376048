"""The commands: what they are called with. What they do is imported when one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="admf",
    help="Trading research from one YAML: backtests whose results can be trusted and repeated.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ConfigArgument = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file of the workflow.")]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Id of a run, the beginning of one, 'latest', or its folder.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write one JSON document to standard output.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key: backtest_config.initial_cash=5000."),
]
AllowOption = Annotated[
    list[str] | None,
    typer.Option("--allow-module", metavar="MODULE", help="Allow a strategy of your own from this module."),
]
StoreOption = Annotated[
    Path, typer.Option("--store", metavar="DIR", envvar="ADMF_STORE", help="Folder of the run folders.")
]
STORE = Path("runs")


@app.command()
def run(
    context: typer.Context,
    config: ConfigArgument,
    overrides: SetOption = None,
    allow_modules: AllowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a workflow and show its result."""
    from admf.cli.execute import run_config

    given = tuple(overrides or ()), tuple(allow_modules or ())
    raise typer.Exit(run_config(config, *given, as_json, began=context.obj))


@app.command()
def validate(
    config: ConfigArgument,
    overrides: SetOption = None,
    allow_modules: AllowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Dry run: check config, data and components, estimate time and memory; nothing is executed."""
    from admf.cli.dry_run import validate_config

    raise typer.Exit(validate_config(config, tuple(overrides or ()), tuple(allow_modules or ()), as_json))


@app.command()
def show(run: RunArgument, store: StoreOption = STORE, as_json: JsonOption = False) -> None:
    """Show the stored result of a run."""
    from admf.cli.stored import show_run

    show_run(run, store, as_json)


@app.command("list")
def list_(
    store: StoreOption = STORE,
    as_json: JsonOption = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Newest runs to list.")] = 50,
) -> None:
    """List the stored runs, newest first."""
    from admf.cli.stored import list_runs

    list_runs(store, limit, as_json)


@app.command()
def replay(
    run: RunArgument,
    store: StoreOption = STORE,
    allow_modules: AllowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a stored run again and say whether it gives the same digest."""
    from admf.cli.execute import replay_run

    raise typer.Exit(replay_run(run, store, tuple(allow_modules or ()), as_json))


@app.command()
def report(
    run: RunArgument,
    store: StoreOption = STORE,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Print the path of a run's HTML report, and open it if asked."""
    from admf.cli.stored import show_report

    show_report(run, store, open_)


@app.command()
def components(
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help="strategy, indicator, ...")] = None,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One, with its parameters.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List what a config can name: strategies, indicators, data sources; or show one with its parameters."""
    from admf.cli.catalogue import list_components, show_component

    if kind and name:
        show_component(kind, name, as_json)
    else:
        list_components(kind, as_json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the YAML, for editors."""
    from admf.cli.output import write_json
    from admf.core.config import json_schema

    write_json(json_schema())


@app.command()
def init(
    template: Annotated[str, typer.Argument(metavar="[TEMPLATE]", help="One of --list.")] = "backtest",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Default: TEMPLATE.yaml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    list_them: Annotated[bool, typer.Option("--list", help="List the templates and write nothing.")] = False,
) -> None:
    """Write a commented config to start from."""
    from admf.cli.scaffold import list_templates, write_template

    if list_them:
        list_templates()
    else:
        write_template(template, output or Path(f"{template}.yaml"), force)


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Print the versions of admf and of what it stands on."""
    from admf.cli.catalogue import show_versions

    show_versions(as_json)
