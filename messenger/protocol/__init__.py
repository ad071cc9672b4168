"""The wire contract, as the code itself defines it, in two forms: docs/protocol.md for people who write clients, and
static/js/realtime/protocol.d.ts for the page's own scripts. `manage.py protocol` writes both; a test compares them.

    contract.py      what there is: commands, events, shapes, codes, numbers
    routes.py        the REST routes, from the OpenAPI document
    page.py          as tables in Markdown
    script_types.py  as TypeScript
    files.py         the generated parts of both files, between their marks
"""
