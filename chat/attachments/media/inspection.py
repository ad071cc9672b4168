"""Measures uploaded media and looks for metadata, in a separate process with limits (see inspect_subprocess.py).

An attacker can make a file of a few megabytes for which a media parser needs any amount of memory and time. The
separate process protects the server from such files.
"""

from __future__ import annotations

import json
import logging
import subprocess
from threading import BoundedSemaphore, Timer
from typing import BinaryIO, NamedTuple

from chat.attachments.media import content_types, limited_process
from chat.attachments.media.dimensions import Measurement, apply_claims
from chat.attachments.media.inspect_subprocess import READ_BYTES, REQUEST

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0  # wall clock of one inspection
MAX_PROCESSES = 2  # that one server process runs at the same time
WAIT_SECONDS = 10.0  # how long an inspection waits until it may start a process
MAX_SERVED_BYTES = 128 * 1024 * 1024  # bytes of the file that the program may request


class Inspection(NamedTuple):
    measurement: Measurement
    needs_processing: bool  # the worker must process the file before anybody may open it


_processes = BoundedSemaphore(MAX_PROCESSES)


def inspect_media(source: BinaryIO, content_type: str, claims: dict) -> Inspection:
    """Measures width, height and duration of a media file, and decides whether a background task must process the file.

    Never raises; unknown values are None. `claims` (width, height, duration) come from the client. They are used for
    video and audio if the file cannot be measured. Images, MP4 files with metadata, and MP4 files that cannot be
    inspected must be processed.
    """
    if content_type not in content_types.INLINE_TYPES:
        return Inspection(Measurement(), False)
    result = _run_program(source, content_type)
    has_metadata = result.pop("has_metadata", content_type in content_types.MP4_TYPES)
    return Inspection(
        apply_claims(Measurement(**result), content_type, claims),
        content_type in content_types.IMAGE_TYPES or has_metadata,
    )


def _run_program(source: BinaryIO, content_type: str) -> dict:
    """Runs inspect_subprocess.py, which measures the file `source`, and returns the result of the program.

    Returns {} if the program failed or took too long, or if MAX_PROCESSES other inspections are still running.
    """
    if not _processes.acquire(timeout=WAIT_SECONDS):
        log.warning("A file was not measured: %d others take too long", MAX_PROCESSES)
        return {}
    try:
        size = source.seek(0, 2)
        process = subprocess.Popen(
            limited_process.command("inspect_subprocess", content_type, str(size)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=limited_process.PROJECT_DIR,
        )
        timer = Timer(TIMEOUT_SECONDS, process.kill)
        timer.start()
        try:
            result = _serve_requests(process, source)
        finally:
            timer.cancel()
            process.kill()
            process.communicate()
    except (OSError, ValueError) as error:
        log.info("A file of %s could not be measured: %s", content_type, type(error).__name__)
        return {}
    finally:
        _processes.release()
    return result


def _serve_requests(process: subprocess.Popen[bytes], source: BinaryIO) -> dict:
    """Sends bytes of the file `source` to the program inspect_subprocess.py as it requests them, and returns its
    result.

    Raises ValueError if the program ends without a result or requests too many bytes.
    """
    assert process.stdin and process.stdout
    served = 0
    while header := process.stdout.read(REQUEST.size):
        if len(header) < REQUEST.size:
            break
        offset, length = REQUEST.unpack(header)
        if length == 0:
            return json.loads(process.stdout.read(min(offset, 4096)))
        served += length
        if length > READ_BYTES or served > MAX_SERVED_BYTES:
            raise ValueError("too many bytes requested")
        source.seek(offset)
        process.stdin.write(source.read(length))
        process.stdin.flush()
    raise ValueError("the program has ended")
