"""A mail server for tests that accepts every mail and writes it into a folder.

Usage: smtp_server.py FOLDER [PORT]
"""

from __future__ import annotations

import socketserver
import sys
from pathlib import Path

folder = Path(sys.argv[1])


class MailHandler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        def reply(text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

        reply("220 here")
        while line := self.rfile.readline():
            command = line[:4].upper().strip()
            if command == b"DATA":
                reply("354 go on")
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                number = len(list(folder.iterdir()))
                (folder / f"{number}.part").write_bytes(mail)
                (folder / f"{number}.part").rename(folder / f"{number}.eml")
                reply("250 taken")
            elif command == b"QUIT":
                reply("221 bye")
                return
            else:
                reply("250 yes")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


with Server(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), MailHandler) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
