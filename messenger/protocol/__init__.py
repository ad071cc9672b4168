"""Generates the documentation of the protocol from the code (the "contract": commands, events, schemas, limits).

`manage.py protocol` writes parts of two files: docs/protocol.md for authors of clients, and
static/js/realtime/protocol.d.ts for the type checks of our scripts. A test checks that both files are up to date.

    contract.py    commands, events, schemas, codes, limits
    routes.py      the REST routes, from the OpenAPI document
    docs_page.py   the contract as Markdown tables
    typescript.py  the contract as TypeScript types
    writer.py      replaces the generated parts of both files, between their markers
"""
