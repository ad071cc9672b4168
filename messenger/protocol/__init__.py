"""The wire contract, taken from the code: docs/protocol.md for authors of clients, static/js/realtime/protocol.d.ts for
our scripts. `manage.py protocol` generates parts of both files, and a test checks that they are up to date.

    contract.py    commands, events, schemas, codes, limits
    routes.py      the REST routes, from the OpenAPI document
    docs_page.py   the contract as Markdown tables
    typescript.py  the contract as TypeScript types
    writer.py      replaces the generated parts of both files, between their markers
"""
