import click


@click.command()
def paint():
    "Paint."
